import { test } from "node:test";
import assert from "node:assert/strict";
import { type InterfaceMatch, interfaceMatch } from "./interface_match.ts";
import { iptablesRules, nftScript, type RedirectSettings } from "./redirect_rules.ts";

const settings: RedirectSettings = {
  hostIp: "10.0.0.5",
  hostIpv6: null,
  port: 8181,
  interface: interfaceMatch("!eth0") as InterfaceMatch,
  direct: false,
};

const interfaces = [
  ["", { name: "", inverted: false }],
  ["cali+", { name: "cali+", inverted: false }],
  ["!eth0", { name: "eth0", inverted: true }],
  ["! eth0", { name: "eth0", inverted: true }],
  ["!", undefined],
  ["+", undefined],
  ["a+b", undefined],
  ['eth0" accept', undefined],
  ["sixteen-letters-", undefined],
] as const;

for (const [text, expected] of interfaces) {
  test(`interfaceMatch(${JSON.stringify(text)})`, () => {
    assert.deepEqual(interfaceMatch(text), expected);
  });
}

test("iptables: redirected over the pods' interface, refused otherwise", () => {
  assert.deepEqual(iptablesRules(4, settings), [
    {
      table: "nat",
      rules: [
        "-A ROLECALL -d 169.254.169.254/32 ! -i eth0 -p tcp -m tcp --dport 80 " +
        "-j DNAT --to-destination 10.0.0.5:8181",
      ],
      jumps: ["-A PREROUTING -j ROLECALL"],
    },
    {
      table: "filter",
      rules: [
        "-A ROLECALL -i lo -j RETURN",
        "-A ROLECALL -d 169.254.169.254/32 -p tcp -j REJECT --reject-with tcp-reset",
        "-A ROLECALL -d 169.254.169.254/32 -j DROP",
        "-A ROLECALL -p tcp -m tcp --dport 8181 -m conntrack ! --ctstate DNAT -j DROP",
      ],
      jumps: ["-A FORWARD -d 169.254.169.254/32 -j ROLECALL", "-A INPUT -j ROLECALL"],
    },
  ]);
});

test("iptables: IPv6 goes to the node's IPv6 address, or nowhere", () => {
  const [dropped] = iptablesRules(6, settings);
  assert.deepEqual(dropped, { table: "nat", rules: [], jumps: [] });
  const [nat] = iptablesRules(6, { ...settings, hostIpv6: "fd00::5" });
  assert.match(nat?.rules[0] ?? "", /-d fd00:ec2::254\/128 .*--to-destination \[fd00::5\]:8181$/);
});

test("with direct requests the port is open", () => {
  const [, filter] = iptablesRules(4, { ...settings, direct: true });
  assert.equal(filter?.rules.length, 3);
  assert.ok(!nftScript({ ...settings, direct: true }, true).includes("tcp dport 8181"));
});

test("nft: one table, with nft's syntax for wildcard and any interface", () => {
  const pods = { ...settings, interface: interfaceMatch("cali+") as InterfaceMatch };
  const redirect = 'iifname "cali*" ip daddr 169.254.169.254 tcp dport 80 dnat ip to 10.0.0.5:8181';
  assert.ok(nftScript(pods, true).includes(redirect));
  const any = { ...settings, interface: interfaceMatch("") as InterfaceMatch };
  assert.match(nftScript(any, true), /\n {4}ip daddr 169.254.169.254 tcp dport 80 dnat/);
  assert.match(nftScript(settings, true), /iifname != "eth0"/);
  const refusal = "ip6 daddr fd00:ec2::254 meta l4proto tcp reject with tcp reset\n" +
    "    ip6 daddr fd00:ec2::254 drop\n";
  assert.equal(nftScript(settings, true).split(refusal).length, 3, "in forward and in input");
  assert.ok(!nftScript(settings, false).includes("ip6"));
});
