import { test } from "node:test";
import assert from "node:assert/strict";
import { systemClock } from "../../time/system_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { createRedirect } from "./create_redirect.ts";

const agent = {
  redirect: "nftables",
  hostIp: "10.0.0.5",
  hostIpv6: null,
  listen: { host: "::", port: 8181 },
  interface: "auto",
  direct: false,
} as const;

/** A node with these default routes; what `nft` was given. */
function node(routes: readonly object[]) {
  const scripts: string[] = [];
  const run = (program: string, args: readonly string[], { stdin = "" } = {}) => {
    if (program === "nft" && stdin !== "") scripts.push(stdin);
    const isRoutes = program === "ip" && args.includes("default");
    const stdout = JSON.stringify(isRoutes ? routes : program === "nft" ? { nftables: [] } : []);
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  };
  return { scripts, run, follow: () => Promise.resolve({ code: 0, stderr: "" }), hasIpv6: false };
}

test("--interface=auto: every interface but the default route's, which the log names", async () => {
  const log = new RecordedLog();
  const on = node([{ dst: "default", dev: "ens5" }]);
  const redirect = createRedirect(on, agent, { clock: systemClock, log });
  await redirect?.check();
  assert.equal(redirect?.status().inPlace, true);
  assert.match(on.scripts[0] ?? "", /iifname != "ens5" ip daddr 169\.254\.169\.254/);
  assert.match(log.text(), /"except":"ens5"/);
});

test("--interface=auto without a default route: no redirect, and the reason", async () => {
  const on = node([]);
  const redirect = createRedirect(on, agent, { clock: systemClock, log: new RecordedLog() });
  await redirect?.check();
  assert.deepEqual(on.scripts, []);
  assert.match(redirect?.status().lastError ?? "", /no default route; set the pods' interface/);
});
