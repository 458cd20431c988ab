import { test } from "node:test";
import assert from "node:assert/strict";
import { unitFiles } from "./unit.ts";

const [service, dropIn, networkd] = unitFiles();

test("unitFiles(): the unit's commands are the agent's own routing rules, for both families", () => {
  const commands = service!.text.split("\n").filter((line) => line.startsWith("ExecStart="))
    .map((line) => line.replace("ExecStart=-/usr/bin/env ", ""));
  assert.deepEqual(commands.slice(0, 5), [
    "ip -4 route replace local 169.254.169.254 dev lo table 82 proto 82",
    "ip -4 rule add pref 1 to 169.254.169.254 iif lo nop protocol 82",
    "ip -4 rule add pref 0 to 169.254.169.254 iif lo goto 1 protocol 82",
    "ip -4 rule add pref 0 to 169.254.169.254 table 82 protocol 82",
    "ip -4 rule add pref 0 to 169.254.169.254 prohibit protocol 82",
  ]);
  assert.equal(commands.length, 10);
});

test("unitFiles(): before the kubelet, after the network manager and again with it", () => {
  assert.match(service!.text, /^Before=kubelet\.service /m);
  assert.match(service!.text, /^After=systemd-networkd\.service /m);
  assert.match(service!.text, /^PartOf=systemd-networkd\.service /m);
});

test("unitFiles(): the unit does nothing once its file was removed", () => {
  assert.equal(service!.path, "system/rolecall-boot-guard.service");
  assert.match(
    service!.text.split("[Service]")[0]!,
    /^ConditionPathExists=\/etc\/systemd\/system\/rolecall-boot-guard\.service$/m,
  );
});

test("unitFiles(): a drop-in of multi-user.target starts the unit at boot", () => {
  assert.deepEqual(dropIn, {
    path: "system/multi-user.target.d/rolecall-boot-guard.conf",
    text: "[Unit]\nWants=rolecall-boot-guard.service\n",
  });
});

test("unitFiles(): a drop-in of systemd-networkd keeps it from removing the rules", () => {
  assert.equal(networkd!.path, "networkd.conf.d/rolecall-boot-guard.conf");
  assert.match(networkd!.text, /^\[Network\]\nManageForeignRoutingPolicyRules=no$/m);
});
