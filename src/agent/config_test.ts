import { test } from "node:test";
import assert from "node:assert/strict";
import { parseAgentConfig } from "./config.ts";

const machine = { hasIpv6: true, openFilesLimit: () => 1_000_000 };

function settings(args: readonly string[], env = {}, on = machine) {
  const parsed = parseAgentConfig(args, env, on);
  assert.equal(parsed.kind, "parsed", JSON.stringify(parsed));
  return parsed.kind === "parsed" ? parsed : assert.fail();
}

test("defaults, with the node's address from the pod's environment", () => {
  const env = { HOST_IP: "10.0.0.5", HOST_IPV6: "", NODE_NAME: "node-1" };
  const { settings: got, notices } = settings([], env);
  assert.deepEqual(got.listen, { host: "::", port: 8181 });
  assert.deepEqual(got.adminListen, { host: "::", port: 9620 });
  assert.equal(got.interface, "auto");
  assert.equal(got.hostIp, "10.0.0.5");
  assert.equal(got.hostIpv6, null);
  assert.equal(got.nodeName, "node-1");
  assert.equal(got.graceMs, 25_000);
  assert.equal(got.redirect, "auto");
  assert.deepEqual(notices, []);
});

test("without IPv6 every address means every IPv4 address", () => {
  const { settings: got } = settings(["--redirect=none"], {}, { ...machine, hasIpv6: false });
  assert.deepEqual(got.listen, { host: "0.0.0.0", port: 8181 });
});

test("a node with IPv6 only gives it as --host-ip", () => {
  const { settings: got } = settings(["--host-ip=FD00::5"]);
  assert.deepEqual([got.hostIp, got.hostIpv6], [null, "fd00::5"]);
});

test("connections stay under half of the open files, and a notice says so", () => {
  const { settings: got, notices } = settings(["--redirect=none"], {}, {
    ...machine,
    openFilesLimit: () => 1024,
  });
  assert.equal(got.maxConnections, 412);
  assert.match(notices[0] ?? "", /--max-connections: 4096 lowered to 412/);
});

test("the connection limit is raised to the configured one once enough files may be open", () => {
  const openFilesLimit = (effort?: string) => effort === "full" ? 16_384 : 4096;
  const { settings: got, notices } = settings(["--redirect=none"], {}, {
    ...machine,
    openFilesLimit,
  });
  assert.equal(got.maxConnections, 1948);
  assert.equal(got.moreConnections(), 4096);
  assert.deepEqual(notices, []);
});

test("all problems are listed together", () => {
  const parsed = parseAgentConfig(
    [
      "--host-ip=10.0.0",
      "--host-ipv6=10.0.0.5",
      "--interface=a b",
      "--passthrough=(",
      "--server=",
      "--token-file=",
      "stray",
    ],
    {},
    machine,
  );
  const problems = parsed.kind === "problems" ? parsed.problems : [];
  const named = problems.map((line) => line.split(":")[0]);
  assert.deepEqual(named.sort(), [
    "--host-ip",
    "--host-ipv6",
    "--interface",
    "--passthrough",
    "--server",
    "--token-file",
    "stray",
  ]);
  assert.ok(problems.every((line) => !line.includes("\n")));
});

test("malformed values are reported together with wrong ones", () => {
  const parsed = parseAgentConfig(["--imdsv2=x", "--passthrough=(", "stray"], {}, machine);
  const problems = parsed.kind === "problems" ? parsed.problems : [];
  assert.deepEqual(problems.map((line) => line.split(":")[0]), [
    "--imdsv2",
    "stray",
    "--passthrough",
  ]);
});

test("an unknown flag is one line, even if the setting that it meant is then missing", () => {
  const parsed = parseAgentConfig(["--hostip=10.0.0.5"], {}, machine);
  assert.deepEqual(parsed, {
    kind: "problems",
    problems: ["--hostip: unknown flag; did you mean --host-ip?"],
  });
});

test("a redirect needs the node's address", () => {
  const parsed = parseAgentConfig([], {}, machine);
  assert.match(parsed.kind === "problems" ? parsed.problems[0] ?? "" : "", /--host-ip: "" .*none/);
});

test("--container-credentials accepts addresses that SDKs use without TLS, in canonical form", () => {
  const given = "169.254.170.23:80,[FD00:0EC2::23]:80,127.0.0.1:0,[::1]:81,169.254.170.2:80";
  const { settings: got, notices } = settings([
    "--redirect=none",
    `--container-credentials=${given}`,
  ]);
  assert.deepEqual(got.containerCredentials, [
    { host: "169.254.170.23", port: 80 },
    { host: "fd00:ec2::23", port: 80 },
    { host: "127.0.0.1", port: 0 },
    { host: "::1", port: 81 },
    { host: "169.254.170.2", port: 80 },
  ]);
  assert.deepEqual(notices, []);
});

const noDoors = ["10.0.0.5:80", ":80", "0.0.0.0:80", "[::]:80", "169.254.170.23", "localhost:80"];
for (const text of [...noDoors, "169.254.169.254:80", "127.1:80", "[fd00:ec2::23%1]:80"]) {
  test(`--container-credentials=${text} is refused`, () => {
    const parsed = parseAgentConfig(
      ["--redirect=none", `--container-credentials=169.254.170.23:80,${text}`],
      {},
      machine,
    );
    assert.equal(parsed.kind, "problems");
    const [problem, ...others] = parsed.kind === "problems" ? parsed.problems : [];
    assert.ok(problem?.startsWith(`--container-credentials: "${text}" is not valid; expected `));
    assert.match(problem ?? "", /169\.254\.170\.23/);
    assert.deepEqual(others, []);
  });
}

test("container credentials leave out IPv6 if there is none, and share the open files", () => {
  const flags = [
    "--redirect=none",
    "--container-credentials=169.254.170.23:80,[fd00:ec2::23]:80",
    "--max-connections=200",
  ];
  const { settings: got, notices } = settings(flags, {}, {
    hasIpv6: false,
    openFilesLimit: () => 1024,
  });
  assert.deepEqual(got.containerCredentials, [{ host: "169.254.170.23", port: 80 }]);
  assert.equal(got.maxConnections, 200);
  assert.deepEqual(notices, [
    "--container-credentials: IPv6 addresses left out, this node has no IPv6",
  ]);
  assert.equal(
    settings(flags, {}, { ...machine, openFilesLimit: () => 1024 }).settings.maxConnections,
    137,
  );
});

test("--cri-socket takes a path, or what kubelets write", () => {
  for (const text of ["/run/x.sock", "unix:///run/x.sock", "unix:/run/x.sock"]) {
    const parsed = parseAgentConfig([`--cri-socket=${text}`, "--redirect=none"], {});
    assert.equal(parsed.kind === "parsed" && parsed.settings.criSocket, "/run/x.sock");
  }
  const wrong = parseAgentConfig(["--cri-socket=run/x.sock", "--redirect=none"], {});
  assert.match(wrong.kind === "problems" ? wrong.problems.join() : "", /^--cri-socket: "run/);
});

// a further Host name, whether it can stand in a Host header without its port
const hosts = [
  ["metadata.example.test", true],
  ["10.0.0.5", true],
  ["fd00::5", true],
  ["[fd00::5]", true],
  ["metadata.example.test:80", false],
  ["http://metadata.example.test", false],
  ["a b", false],
] as const;

for (const [text, good] of hosts) {
  test(`--allowed-hosts=${text} is ${good ? "accepted" : "refused by name"}`, () => {
    const parsed = parseAgentConfig(["--redirect=none", `--allowed-hosts=ok,${text}`], {}, machine);
    const problems = parsed.kind === "problems" ? parsed.problems : [];
    assert.equal(problems.length, good ? 0 : 1);
    if (!good) assert.ok(problems[0]?.startsWith(`--allowed-hosts: "${text}" is not valid; `));
  });
}

test("identity: what the kernel and the runtime need", () => {
  const { settings: usual } = settings(["--redirect=none"]);
  assert.deepEqual(
    [usual.identity, usual.hostProc, usual.runtimeHandlers],
    ["auto", "/host/proc", []],
  );
  const { settings: sandboxed } = settings([
    "--redirect=none",
    "--host-proc=/proc/",
    "--cri-socket=/run/x.sock",
    "--runtime-handlers=runsc,kata",
  ]);
  assert.equal(sandboxed.hostProc, "/proc");
  assert.deepEqual(sandboxed.runtimeHandlers, ["runsc", "kata"]);
});

// flags, the flag that is wrong
const identities = [
  [["--identity=runtime"], /^--identity: "runtime" .*--cri-socket/],
  [["--runtime-handlers=runsc"], /^--runtime-handlers: \["runsc"\] .*--cri-socket/],
  [
    ["--identity=address", "--cri-socket=/x", "--runtime-handlers=runsc"],
    /^--runtime-handlers: .*another --identity/,
  ],
  [["--host-proc=host/proc"], /^--host-proc: .*absolute path/],
  [["--identity=cri"], /^--identity: .*kernel/],
] as const;

for (const [flags, problem] of identities) {
  test(`identity: ${flags.join(" ")} is refused`, () => {
    const parsed = parseAgentConfig(["--redirect=none", ...flags], {});
    assert.match(parsed.kind === "problems" ? parsed.problems.join("\n") : "", problem);
  });
}
