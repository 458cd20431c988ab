import { test } from "node:test";
import assert from "node:assert/strict";
import { redirectFault } from "./redirect_fault.ts";

// What the programs print: exit code, standard error, expected code, expected remedy.
const cases = [
  [127, "spawn iptables ENOENT", "no_program", /install iptables or nftables/],
  [4, "Could not fetch rule set generation id: Permission denied (you must be root)"],
  [1, "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed"],
  [3, "can't initialize iptables table `nat': Table does not exist (do you need to insmod?)"],
  [4, "Another app is currently holding the xtables lock; still 0s", "locked", /fuser/],
  [1, "line 3: nonsense", "failed", /exit 1: line 3: nonsense/],
] as const;

for (const [code, stderr, expected, remedy] of cases) {
  test(`redirectFault() ${stderr.slice(0, 40)}`, () => {
    const fault = redirectFault("iptables-nft", { code, stdout: "", stderr });
    const usual = code === 3 ? "no_module" : "no_permission";
    assert.equal(fault.code, expected ?? usual);
    assert.match(fault.message, remedy ?? (code === 3 ? /modprobe nft_compat/ : /NET_ADMIN/));
    assert.ok(!fault.message.includes("\n"));
  });
}
