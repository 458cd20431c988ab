import { test } from "node:test";
import assert from "node:assert/strict";
import { chooseBackend } from "./choose_backend.ts";

type Answers = Record<string, string | { readonly code: number; readonly stderr: string }>;

function run(answers: Answers) {
  return (command: string, args: readonly string[]) => {
    const answer = answers[[command, ...args].join(" ")];
    if (typeof answer === "string") return Promise.resolve({ code: 0, stdout: answer, stderr: "" });
    return Promise.resolve({ code: 127, stderr: "", ...answer, stdout: "" });
  };
}

const empty = "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n";
const busy = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j X\n-A OUTPUT -j X\nCOMMIT\n";
const ours = "*nat\n:ROLECALL - [0:0]\n-A PREROUTING -j ROLECALL\n-A ROLECALL -j X\nCOMMIT\n";
const hinted = "*mangle\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT\n";
const nft = "iptables-nft-save";
const legacy = "iptables-legacy-save";
const tables = "nft list tables";

const cases: readonly (readonly [string, Answers, string])[] = [
  ["kube-proxy's table", { [tables]: "table ip kube-proxy\n", [legacy]: busy }, "nftables"],
  ["the kubelet's mark", { [nft]: hinted, [legacy]: busy, [tables]: "" }, "iptables-nft"],
  ["more rules", { [nft]: empty, [legacy]: busy }, "iptables-legacy"],
  ["our rules don't count", { [nft]: busy, [legacy]: ours + ours }, "iptables-nft"],
  ["a bare node", { [nft]: empty, [legacy]: empty, [tables]: "" }, "iptables-nft"],
  ["nft alone", { [tables]: "" }, "nftables"],
  ["plain iptables", { "iptables -V": "v1.8 (legacy)", "iptables-save": "" }, "iptables-legacy"],
];

for (const [name, answers, expected] of cases) {
  test(`chooseBackend() auto, ${name}: ${expected}`, async () => {
    assert.equal((await chooseBackend(run(answers), "auto")).kind, expected);
  });
}

test("chooseBackend() uses the configured backend", async () => {
  assert.equal((await chooseBackend(run({}), "nftables")).kind, "nftables");
  const nftOnly = run({ [tables]: "" });
  await assert.rejects(chooseBackend(nftOnly, "iptables"), { code: "no_program" });
});

test("chooseBackend() says what is missing", async () => {
  await assert.rejects(chooseBackend(run({}), "auto"), { code: "no_program" });
  const refused = { code: 4, stderr: "Permission denied (you must be root)" };
  const answers = { [nft]: refused, [tables]: refused };
  await assert.rejects(chooseBackend(run(answers), "auto"), { code: "no_permission" });
});
