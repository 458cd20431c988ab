import { test } from "node:test";
import assert from "node:assert/strict";
import type { ListenOptions } from "../runtime/http/types.ts";
import type { ProgramResult, Runtime } from "../runtime/runtime.ts";
import { aborted } from "../time/pause.ts";
import { runBootGuard } from "./boot_guard/command.ts";
import { eventually } from "../../tests/fakes/in_time.ts";
import { runAgent } from "./main.ts";
import { uninstall } from "./uninstall.ts";

type Programs = (line: string, stdin: string) => Partial<ProgramResult> | undefined;

/** A host that keeps what happens, in order, in `events`. */
function fakeRuntime(programs: Programs) {
  const events: string[] = [];
  const written = { out: "", error: "" };
  const listening: ListenOptions[] = [];
  const files = new Map<string, string>();
  let stop: (signal: string) => void = () => {};
  const missing = () =>
    Promise.reject(Object.assign(new Error("No such file"), { code: "ENOENT" }));
  const runtime: Runtime = {
    platform: { name: "deno", version: "0" },
    program: "",
    args: [],
    env: {},
    isTerminal: false,
    isInteractive: false,
    openFilesLimit: () => 100_000,
    hasIpv6: () => false,
    localAddresses: () => [],
    processUsage: () => ({ cpuSeconds: 0, residentBytes: 0, startedAt: 0, openFiles: null }),
    cpuMs: () => 0,
    procFiles: () => ({
      list: missing,
      link: missing,
      inode: missing,
      text: missing,
      open: missing,
    }),
    listen: (options) => {
      events.push(`listen ${options.port}`);
      listening.push(options);
      return Promise.resolve({
        host: options.host,
        port: options.port,
        connections: () => ({ open: 0, refused: 0 }),
        setCertificate: () => {},
        close: (graceMs) => {
          events.push(`close ${options.port} after ${graceMs} ms`);
          return Promise.resolve();
        },
      });
    },
    httpClient: () => ({
      fetch: () => Promise.reject(Object.assign(new Error("connect"), { code: "ECONNREFUSED" })),
      close: () => {},
    }),
    fastGet: () => undefined,
    follow: (_command, _args, { signal }) =>
      aborted(signal).then(() => ({ code: 124, stderr: "" })),
    run: (command, args, options) => {
      const line = [command, ...args].join(" ");
      const result = programs(line, options?.stdin ?? "");
      if (options?.stdin !== undefined) events.push(line);
      return Promise.resolve({ code: 127, stdout: "", stderr: "", ...result });
    },
    resolve: () => Promise.resolve([]),
    readTextFile: (path) => {
      const text = files.get(path);
      return text === undefined ? missing() : Promise.resolve(text);
    },
    listFolder: missing,
    readStdin: missing,
    writeFile: (path, content) => Promise.resolve(void files.set(path, String(content))),
    removeFile: (path) => Promise.resolve(files.delete(path)),
    watchFile: () => () => {},
    onStop: (call) => void (stop = call),
    writeOut: (text) => void (written.out += text),
    writeLog: (line) => {
      written.out += line;
      return true;
    },
    logWritten: () => Promise.resolve(),
    writeError: (text) => void (written.error += text),
    exit: () => assert.fail("only the program's main exits"),
  };
  return { runtime, events, written, listening, stop: () => stop("SIGTERM") };
}

/** nft with a memory of one table, and a default route. */
function nft(): Programs {
  let table = "";
  return (line, stdin) => {
    if (line === "nft -f -") {
      table = stdin;
      return { code: 0 };
    }
    if (line === "nft delete table inet rolecall") {
      table = "";
      return { code: 0 };
    }
    if (line === "nft list tables") return { code: 0, stdout: table && "table inet rolecall\n" };
    if (line === "nft -j list table inet rolecall") {
      const stdout = JSON.stringify({ nftables: [{ rule: table }] });
      return table === "" ? { code: 1, stderr: "No such file or directory" } : { code: 0, stdout };
    }
    if (line === "ip -4 -j route show default") {
      return { code: 0, stdout: JSON.stringify([{ dst: "default", dev: "ens5" }]) };
    }
    return undefined;
  };
}

const until = (condition: () => boolean) => eventually("what the agent does", condition);

const flags = ["--redirect=auto", "--host-ip=10.0.0.5", "--log-level=error"];

test("runAgent() lists every wrong setting and ends with 2", async () => {
  const { runtime, written, events } = fakeRuntime(() => undefined);
  assert.equal(await runAgent(runtime, ["--imdsv2=never", "--nonsense"]), 2);
  assert.equal(written.error.trim().split("\n").length, 2);
  assert.deepEqual(events, []);
});

test("runAgent() puts the rules in place, then listens; at SIGTERM the rules stay", async () => {
  const { runtime, events, stop, listening } = fakeRuntime(nft());
  const running = runAgent(runtime, flags);
  await until(() => listening.length === 2);
  stop();
  assert.equal(await running, 0);
  assert.deepEqual(events, [
    "nft -f -",
    "listen 9620",
    "listen 8181",
    "close 8181 after 5000 ms",
    "close 9620 after 0 ms",
  ]);
  assert.equal(listening[1]?.host, "0.0.0.0");
});

test("runAgent() --remove-rules-on-exit removes the rules before it stops listening", async () => {
  const programs = nft();
  const { runtime, stop, listening } = fakeRuntime(programs);
  const running = runAgent(runtime, [...flags, "--remove-rules-on-exit"]);
  await until(() => listening.length === 2);
  assert.match(programs("nft list tables", "")?.stdout ?? "", /rolecall/);
  stop();
  assert.equal(await running, 0);
  assert.equal(programs("nft list tables", "")?.stdout, "");
});

/** nft, and an `ip` with a memory of routing rules. */
function nftAndRules(): Programs {
  const filter = nft();
  let rules: string[] = [];
  return (line, stdin) => {
    if (line === "ip -4 -j rule show") {
      return { code: 0, stdout: JSON.stringify(rules.map(listed)) };
    }
    if (line !== "ip -4 -force -batch -") return filter(line, stdin);
    for (const command of stdin.trim().split("\n")) {
      if (!command.startsWith("rule ")) continue;
      const rule = command.replace(/^rule (?:add|del) /, "");
      rules = rules.filter((other) => other !== rule);
      if (command.startsWith("rule add ")) rules.push(rule);
    }
    rules.sort((a, b) => Number(a.split(" ")[1]) - Number(b.split(" ")[1]));
    return { code: 0 };
  };
}

function listed(rule: string) {
  const [, pref, dst] = /^pref (\d) to (\S+)/.exec(rule) ?? [];
  const action = / goto (\d)/.exec(rule);
  return {
    priority: Number(pref),
    dst,
    ...(rule.includes("iif lo") ? { iif: "lo" } : {}),
    ...(action ? { goto: Number(action[1]) } : {}),
    ...(rule.includes("nop") ? { nop: null } : {}),
    ...(rule.includes("table") ? { table: "82" } : {}),
    ...(rule.includes("prohibit") ? { action: "prohibit" } : {}),
    protocol: "82",
  };
}

test("runAgent() guards before it redirects; at SIGTERM that stays until uninstall()", async () => {
  const programs = nftAndRules();
  const { runtime, events, stop, listening, written } = fakeRuntime(programs);
  const running = runAgent(runtime, flags);
  await until(() => listening.length === 2);
  stop();
  assert.equal(await running, 0);
  assert.deepEqual(events.slice(0, 2), ["ip -4 -force -batch -", "nft -f -"]);
  const rules = () => JSON.parse(programs("ip -4 -j rule show", "")?.stdout ?? "");
  assert.equal(rules().length, 4);

  assert.equal(await uninstall(runtime, []), 0);
  assert.deepEqual(rules(), []);
  assert.match(written.out, /removed the redirect by nftables\nremoved the routing rules\n/);
  assert.equal(await uninstall(runtime, []), 0);
  assert.match(written.out, /nothing to remove\n$/);
});

test("runAgent() --remove-rules-on-exit also removes the route guard", async () => {
  const programs = nftAndRules();
  const { runtime, stop, listening } = fakeRuntime(programs);
  const running = runAgent(runtime, [...flags, "--remove-rules-on-exit"]);
  await until(() => listening.length === 2);
  assert.match(programs("ip -4 -j rule show", "")?.stdout ?? "", /prohibit/);
  stop();
  assert.equal(await running, 0);
  assert.equal(programs("ip -4 -j rule show", "")?.stdout, "[]");
});

test("runAgent() without a packet filter still listens, but isn't ready and says why", async () => {
  const { runtime, stop, listening, written } = fakeRuntime(() => undefined);
  const running = runAgent(runtime, flags);
  await until(() => listening.length === 2);
  stop();
  assert.equal(await running, 0);
  assert.match(written.out, /redirect not in place/);
  assert.match(written.out, /iptables: no such program; install/);
});

test("uninstall() removes what is there, is repeatable, and reports what it can't check", async () => {
  const programs = nft();
  programs("nft -f -", "table inet rolecall {}");
  const { runtime, written } = fakeRuntime(programs);
  await runtime.writeFile("/run/rolecall/token-keys.json", "{}", 0o600);
  assert.equal(await uninstall(runtime, []), 0);
  assert.equal(await uninstall(runtime, []), 0);
  assert.equal(
    written.out,
    "removed the redirect by nftables\nremoved the token keys\nnothing to remove\n",
  );
  assert.equal(await uninstall(runtime, ["now"]), 2);

  const refused = fakeRuntime(() => ({ code: 1, stderr: "Operation not permitted" }));
  assert.equal(await uninstall(refused.runtime, []), 1);
  assert.match(refused.written.error, /NET_ADMIN/);
});

/** iproute2 on a machine without dummy links, with a memory of lo's addresses. */
function ip(): Programs {
  const held = new Map<string, string>();
  return (line) => {
    const [, object, action, address = ""] = line.split(" ");
    if (line === "ip -j addr show") {
      const addresses = [...held].map(([local, label]) => ({ local, prefixlen: 32, label }));
      const lo = { ifname: "lo", flags: ["UP"], addr_info: addresses };
      return { code: 0, stdout: JSON.stringify([lo]) };
    }
    if (line.startsWith("ip link add")) return { code: 2, stderr: "Error: Unknown device type." };
    if (object !== "addr") return undefined;
    const bare = address.split("/")[0]!;
    if (action === "add") held.set(bare, line.split(" ").at(-1)!);
    if (action === "del") held.delete(bare);
    return { code: 0 };
  };
}

const endpointFlags = ["--redirect=none", "--container-credentials=169.254.170.23:80"];

test("runAgent() serves container credentials at an address it puts on the node", async () => {
  const programs = ip();
  const { runtime, events, stop, listening, written } = fakeRuntime(programs);
  const running = runAgent(runtime, endpointFlags);
  await until(() => listening.length === 3);
  assert.match(programs("ip -j addr show", "")?.stdout ?? "", /169\.254\.170\.23/);
  stop();
  assert.equal(await running, 0);
  assert.ok(events.includes("listen 80") && events.includes("close 80 after 5000 ms"));
  assert.match(programs("ip -j addr show", "")?.stdout ?? "", /169\.254\.170\.23/);

  assert.equal(await uninstall(runtime, []), 0);
  assert.match(written.out, /removed the address 169\.254\.170\.23\n/);
  assert.doesNotMatch(programs("ip -j addr show", "")?.stdout ?? "", /169\.254/);
});

test("runAgent() --remove-rules-on-exit also removes its addresses", async () => {
  const programs = ip();
  const { runtime, stop, listening } = fakeRuntime(programs);
  const running = runAgent(runtime, [...endpointFlags, "--remove-rules-on-exit"]);
  await until(() => listening.length === 3);
  stop();
  assert.equal(await running, 0);
  assert.doesNotMatch(programs("ip -j addr show", "")?.stdout ?? "", /169\.254/);
});

test("runAgent() isn't ready without the address and says so; pods are answered", async () => {
  const { runtime, stop, listening, written } = fakeRuntime(() => undefined);
  const running = runAgent(runtime, endpointFlags);
  await until(() => written.out.includes("container credentials not served"));
  await until(() => listening.length === 2);
  assert.match(written.out, /ip: no such program; install iproute2/);
  const pages = listening.find(({ port }) => port === 9620)?.handler;
  const request = new Request("http://agent/readyz");
  const reply = await pages?.({ target: "/readyz", toRequest: () => request } as never);
  assert.equal(reply?.status, 503);
  const text = await new Response(reply.body as ReadableStream).text();
  assert.match(text, /^container credentials at 169\.254\.170\.23:80: ip: no such/m);
  stop();
  assert.equal(await running, 0);
});

test("runBootGuard() writes the unit once, uninstall() removes it first", async () => {
  const { runtime, written } = fakeRuntime(() => undefined);
  assert.equal(await runBootGuard(runtime, ["--boot-guard-file=/run/pod/boot-guard"]), 0);
  assert.equal(written.out, "boot guard: unit in place in /host/systemd\n");
  assert.equal(await uninstall(runtime, []), 0);
  assert.match(written.out, /\nremoved the boot guard's unit\n/);
  assert.equal(await runBootGuard(runtime, ["now"]), 2);
});

test("runBootGuard() replaces an older unit, and writes nothing where all is current", async () => {
  const { runtime } = fakeRuntime(() => undefined);
  const path = "/host/systemd/system/rolecall-boot-guard.service";
  await runtime.writeFile(path, "[Unit]\nDescription=older\n", 0o644);
  const written: string[] = [];
  const counting: Runtime = {
    ...runtime,
    writeFile: (name, content, mode) => {
      written.push(name);
      return runtime.writeFile(name, content, mode);
    },
  };
  assert.equal(await runBootGuard(counting, []), 0);
  assert.equal(written.length, 3);
  assert.match(await runtime.readTextFile(path), /^ExecStart=-.* ip -4 rule add /m);
  assert.equal(await runBootGuard(counting, []), 0);
  assert.equal(written.length, 3);
});

test("runBootGuard() says so if the host can't be written to, and the agent may start", async () => {
  const { runtime, written } = fakeRuntime(() => undefined);
  const fault = Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS" });
  assert.equal(await runBootGuard({ ...runtime, writeFile: () => Promise.reject(fault) }, []), 0);
  assert.match(written.out, /^boot guard: \/host\/systemd can't be written \(EROFS\); until/);
});
