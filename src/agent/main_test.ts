import { test } from "node:test";
import assert from "node:assert/strict";
import type { Host, ListenOptions, ProgramResult } from "../runtime/contract.ts";
import { runAgent } from "./main.ts";
import { uninstall } from "./uninstall.ts";

type Programs = (line: string, stdin: string) => Partial<ProgramResult> | undefined;

/** A host that keeps what happens, in order, in `events`. */
function fakeHost(programs: Programs) {
  const events: string[] = [];
  const written = { out: "", error: "" };
  const listening: ListenOptions[] = [];
  let stop: (signal: string) => void = () => {};
  const missing = () =>
    Promise.reject(Object.assign(new Error("No such file"), { code: "ENOENT" }));
  const host: Host = {
    runtime: { name: "deno", version: "0" },
    args: [],
    env: {},
    isTerminal: false,
    openFilesLimit: () => 100_000,
    hasIpv6: () => false,
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
      fetch: () => Promise.reject(new Error("ECONNREFUSED")),
      close: () => {},
    }),
    run: (command, args, options) => {
      const line = [command, ...args].join(" ");
      const result = programs(line, options?.stdin ?? "");
      if (options?.stdin !== undefined) events.push(line);
      return Promise.resolve({ code: 127, stdout: "", stderr: "", ...result });
    },
    resolve: () => Promise.resolve([]),
    readTextFile: missing,
    writeFile: () => Promise.resolve(),
    watchFile: () => () => {},
    onStop: (call) => void (stop = call),
    writeOut: (text) => void (written.out += text),
    writeError: (text) => void (written.error += text),
    exit: () => assert.fail("only the program's main exits"),
  };
  return { host, events, written, listening, stop: () => stop("SIGTERM") };
}

/** nft alone, with a memory of one table. */
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
    return undefined;
  };
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setImmediate(resolve));
}

const flags = ["--redirect=auto", "--host-ip=10.0.0.5", "--log-level=error"];

test("runAgent() lists every wrong setting and ends with 2", async () => {
  const { host, written, events } = fakeHost(() => undefined);
  assert.equal(await runAgent(host, ["--imdsv2=never", "--nonsense"]), 2);
  assert.equal(written.error.trim().split("\n").length, 2);
  assert.deepEqual(events, []);
});

test("runAgent() puts the rules in place, then listens; at SIGTERM the rules stay", async () => {
  const { host, events, stop, listening } = fakeHost(nft());
  const running = runAgent(host, flags);
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

test("runAgent() --remove-rules-on-exit takes the rules away before it stops listening", async () => {
  const programs = nft();
  const { host, stop, listening } = fakeHost(programs);
  const running = runAgent(host, [...flags, "--remove-rules-on-exit"]);
  await until(() => listening.length === 2);
  assert.match(programs("nft list tables", "")?.stdout ?? "", /rolecall/);
  stop();
  assert.equal(await running, 0);
  assert.equal(programs("nft list tables", "")?.stdout, "");
});

test("runAgent() without a packet filter listens all the same, not ready, saying why", async () => {
  const { host, stop, listening, written } = fakeHost(() => undefined);
  const running = runAgent(host, flags);
  await until(() => listening.length === 2);
  stop();
  assert.equal(await running, 0);
  assert.match(written.out, /redirect not in place/);
  assert.match(written.out, /iptables: no such program; install/);
});

test("uninstall() removes what is there, twice, and tells what it can't look at", async () => {
  const programs = nft();
  programs("nft -f -", "table inet rolecall {}");
  const { host, written } = fakeHost(programs);
  assert.equal(await uninstall(host, []), 0);
  assert.equal(await uninstall(host, []), 0);
  assert.equal(written.out, "removed the redirect by nftables\nno redirect here\n");
  assert.equal(await uninstall(host, ["now"]), 2);

  const refused = fakeHost(() => ({ code: 1, stderr: "Operation not permitted" }));
  assert.equal(await uninstall(refused.host, []), 1);
  assert.match(refused.written.error, /NET_ADMIN/);
});
