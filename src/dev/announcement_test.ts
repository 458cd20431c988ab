import { test } from "node:test";
import assert from "node:assert/strict";
import {
  type Addresses,
  commandLines,
  otherPodLines,
  podLines,
  type PodRow,
} from "./announcement.ts";

const addresses: Addresses = {
  agent: "127.0.0.1:8181",
  admin: "127.0.0.1:9620",
  status: "127.0.0.1:9622",
  sts: "http://127.0.0.1:4566",
  region: "eu-west-1",
  tokenRequired: false,
  credentials: null,
};
const role = { state: "ready", roleArn: "arn:aws:iam::123456789012:role/shop/cart" } as const;

function row(name: string, ip: string, outcome: Partial<PodRow>): PodRow {
  return {
    namespace: "shop",
    name,
    ips: ip === "" ? [] : [ip],
    hostNetwork: false,
    state: "none",
    reason: null,
    message: null,
    roleArn: null,
    notAnswered: [],
    ...outcome,
  };
}

test("podLines() sorts by address and says what each pod gets", () => {
  const lines = podLines([
    row("ten", "127.0.0.10", {}),
    row("curious", "127.0.0.2", { state: "denied", reason: "NotPermitted", message: "not that" }),
    row("cart", "127.0.0.1", role),
    row("soon", "127.0.0.3", { ...role, state: "pending" }),
    row("host", "", { hostNetwork: true }),
  ], ["shop/gone"]);
  assert.deepEqual(lines, [
    "  127.0.0.1   shop/cart     role arn:aws:iam::123456789012:role/shop/cart",
    "  127.0.0.2   shop/curious  denied, NotPermitted: not that",
    "  127.0.0.3   shop/soon     role arn:aws:iam::123456789012:role/shop/cart: credentials pending",
    "  127.0.0.10  shop/ten      no role",
    "  -           shop/host     on the host network: no address identifies it",
    "  -           shop/gone     doesn't exist (yet)",
  ]);
});

test("commandLines() are for 127.0.0.1 without --interface, SDKs included", () => {
  const text = commandLines(addresses, [row("cart", "127.0.0.1", role)]).join("\n");
  assert.ok(!text.includes("--interface"));
  assert.match(text, /security-credentials\/cart$/m);
  assert.match(text, /AWS_EC2_METADATA_SERVICE_ENDPOINT=http:\/\/127\.0\.0\.1:8181/);
  assert.match(text, /--endpoint-url http:\/\/127\.0\.0\.1:4566$/m);
});

test("commandLines() all send a session token if one is required", () => {
  const requested = row("cart", "127.0.0.1", role);
  const calls = (tokenRequired: boolean) =>
    commandLines({ ...addresses, tokenRequired }, [requested])
      .filter((line) => line.includes("curl") && !line.includes("TOKEN"));
  assert.equal(calls(false).length, 1);
  assert.deepEqual(calls(true), []);
});

test("commandLines() name no endpoint if STS is AWS's", () => {
  const text = commandLines({ ...addresses, sts: null }, [row("c", "127.0.0.1", role)]);
  assert.ok(!text.join("\n").includes("--endpoint-url"));
});

test("commandLines() use another address if no pod is at 127.0.0.1", () => {
  const text = commandLines(addresses, [row("cart", "127.0.0.4", {})]).join("\n");
  assert.match(text, /curl -s --interface 127\.0\.0\.4/);
  assert.ok(!text.includes("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "SDKs choose no source address");
});

test("commandLines() say so if there is no pod", () => {
  assert.equal(commandLines(addresses, []).at(-1), "There is no pod to send requests as yet.");
});

test("commandLines() show a pod's own token if container credentials are served", () => {
  const credentials = { at: "127.0.0.1:8182", tokenOf: (pod: PodRow) => `token-of-${pod.name}` };
  const text = commandLines({ ...addresses, credentials }, [row("cart", "127.0.0.4", role)]);
  const lines = text.join("\n");
  assert.match(lines, /FULL_URI=http:\/\/127\.0\.0\.1:8182\/v1\/credentials \\$/m);
  assert.match(lines, /AWS_CONTAINER_AUTHORIZATION_TOKEN=token-of-cart \\$/m);
  assert.match(lines, /aws sts get-caller-identity .*--endpoint-url http:\/\/127\.0\.0\.1:4566$/m);
});

const shared = { address: "127.0.0.9", reason: "another pod claims 127.0.0.9 too" };

test("podLines() name pods that aren't answered because two claim an address", () => {
  const two = row("b", "", { ...role, ips: ["127.0.0.2", "127.0.0.9"], notAnswered: [shared] });
  assert.deepEqual(podLines([row("a", "127.0.0.9", { ...role, notAnswered: [shared] }), two]), [
    "  127.0.0.2,127.0.0.9  shop/b  role arn:aws:iam::123456789012:role/shop/cart; " +
    "not answered: another pod claims 127.0.0.9 too",
    "  127.0.0.9            shop/a  not answered: another pod claims 127.0.0.9 too",
  ]);
});

test("commandLines() skip pods that aren't answered or have no address", () => {
  const pods = [
    row("host", "127.0.0.1", { hostNetwork: true }),
    row("shared", "127.0.0.9", { notAnswered: [shared] }),
    row("sixth", "::1", {}),
    row("waiting", "", {}),
  ];
  assert.equal(commandLines(addresses, pods).at(-1), "There is no pod to send requests as yet.");
  const text = commandLines(addresses, [...pods, row("cart", "127.0.0.12", role)]).join("\n");
  assert.match(text, /^Paste, and you are the pod shop\/cart at 127\.0\.0\.12:$/m);
});

test("otherPodLines() name the next address that a pod has, if there is one", () => {
  const first = row("cart", "127.0.0.1", role);
  const third = row("c", "127.0.0.10", {});
  assert.deepEqual(otherPodLines([first, row("host", "127.0.0.2", { hostNetwork: true })]), []);
  assert.deepEqual(otherPodLines([third, row("b", "127.0.0.3", {}), first]), [
    "curl --interface 127.0.0.3 … sends a request as the pod at that address " +
    "(on macOS after: sudo ifconfig lo0 alias 127.0.0.3).",
  ]);
});
