/**
 * What AWS refuses although Rolecall's own policy permits everything: `dev` with an STS that evaluates
 * trust policies, namespaces that permit every role, and pods that try each annotation.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { documentedFiles } from "../docs/command_blocks.ts";
import { DevProcess, send } from "./dev_process.ts";

const arn = (name: string) => `arn:aws:iam::123456789012:role/${name}`;
const server = arn("rolecall-server");
const list = "/latest/meta-data/iam/security-credentials/";

type Annotations = Readonly<Record<string, string>>;

function keyed(annotations: Annotations): Annotations {
  return Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [`iam.amazonaws.com/${key}`, value]),
  );
}

/** A role that trusts a principal under a condition, for all that may go with AssumeRole. */
function role(name: string, AWS: string, equals: Annotations, more: object = {}) {
  const Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
  const Condition = { StringEquals: equals };
  const Statement = { Effect: "Allow", Principal: { AWS }, Action, Condition };
  const trustPolicy = { Version: "2012-10-17", Statement };
  const spec = { arn: arn(name), trustPolicy, ...more };
  return { apiVersion: "iam.rolecall.dev/v1", kind: "Role", spec };
}

const roles = [
  role("cart", server, { "sts:ExternalId": "prod/shop/cart" }),
  role("till", server, { "sts:ExternalId": "acme/till" }),
  role("tagged", server, { "aws:RequestTag/kubernetes-namespace": "shop" }),
  role("labelled", server, { "aws:RequestTag/path": "shop/cart" }),
  role("identified", server, { "sts:SourceIdentity": "shop.cart" }),
  role("named", server, { "sts:RoleSessionName": "shop.cart" }),
  role("trust-desk", server, { "sts:ExternalId": "prod/desk" }),
  role("trust-lost", "210987654321", {}),
  role("by-desk", arn("trust-desk"), { "sts:ExternalId": "prod/desk/default" }),
  role("further", "123456789012", {}),
  // Its sessions may do everything; what the session policy leaves is less.
  role("limited", server, {}, { permissions: [policy("Allow", "*")] }),
];

function policy(Effect: string, Action: string) {
  return { Version: "2012-10-17", Statement: { Effect, Action, Resource: "*" } };
}

const everything = { permitted: ".*" };
const namespaces: Readonly<Record<string, Annotations>> = {
  shop: everything,
  bank: everything,
  till: { ...everything, "external-id": "acme/till" },
  forger: { ...everything, "external-id": "prod/shop/cart" },
  copier: { ...everything, "external-id": "acme/till" },
  silent: { ...everything, "external-id": "" },
  desk: { ...everything, "assume-role": "trust-desk" },
  climber: { ...everything, "assume-role": "trust-desk" },
  lost: { ...everything, "assume-role": "trust-lost" },
  narrow: { ...everything, "session-policy": JSON.stringify(policy("Allow", "s3:*")) },
  broken: { ...everything, "session-policy": "{" },
};

// pod, namespace, ServiceAccount, its annotations, the role it gets or the reason it is denied
const pods: readonly (readonly [string, string, string, Annotations, string | RegExp])[] = [
  ["its own external ID", "shop", "cart", { role: "cart" }, "cart"],
  ["another ServiceAccount", "shop", "other", { role: "cart" }, /^STS denies .*external ID/],
  ["another namespace", "bank", "cart", { role: "cart" }, /^STS denies .*external ID/],
  [
    "a lie about it",
    "bank",
    "cart",
    { role: "cart", "external-id": "prod/shop/cart" },
    /^pod bank.*dif/,
  ],
  [
    "none instead",
    "bank",
    "cart",
    { role: "cart", "external-id": "" },
    /differs from the one set by/,
  ],
  [
    "a namespace's lie",
    "forger",
    "cart",
    { role: "cart" },
    /external-id is not one that --external-id-p/,
  ],
  ["a namespace without", "silent", "cart", { role: "cart" }, /^STS denies/],
  ["and a pod that fills in", "silent", "cart", {
    role: "cart",
    "external-id": "prod/shop/cart",
  }, /differs/],
  ["its namespace's external ID", "till", "default", { role: "till" }, "till"],
  ["another's namespace's", "copier", "default", { role: "till" }, /not one that --external-id-p/],
  ["the same by a pod", "bank", "default", { role: "till", "external-id": "acme/till" }, /differs/],
  ["its own tag", "shop", "x", { role: "tagged" }, "tagged"],
  ["another's tag", "bank", "x", { role: "tagged" }, /^STS denies .*session tags/],
  ["its own label", "shop", "cart", { role: "labelled" }, "labelled"],
  ["another's label", "bank", "cart", { role: "labelled" }, /^STS denies/],
  ["its source identity", "shop", "cart", { role: "identified" }, "identified"],
  [
    "another's source identity",
    "bank",
    "cart",
    { role: "identified" },
    /^STS denies .*source identity/,
  ],
  ["another's, by a session name", "bank", "cart", {
    role: "identified",
    "session-name": "shop.cart",
  }, /^STS denies/],
  // The session name is the pod's to choose, so it proves nothing: docs/trust-policies.md says so.
  ["a session name proves nothing", "bank", "cart", {
    role: "named",
    "session-name": "shop.cart",
  }, "named"],
  ["by its trust role", "desk", "default", { role: "by-desk" }, "by-desk"],
  [
    "without that trust role",
    "bank",
    "default",
    { role: "by-desk" },
    /^STS denies .*rolecall-server/,
  ],
  [
    "by another's trust role",
    "climber",
    "default",
    { role: "by-desk" },
    /not one that --assume-role-p/,
  ],
  ["a trust role itself", "bank", "default", { role: "trust-desk" }, /reserves for namespaces/],
  ["its own trust role itself", "desk", "default", { role: arn("trust-desk") }, /reserves for/],
  [
    "a trust role that refuses",
    "lost",
    "default",
    { role: "limited" },
    /assume-role: STS denies .*trust-lost/,
  ],
  ["a namespace's session policy", "narrow", "default", { role: "limited" }, "limited"],
  ["no session policy", "bank", "default", { role: "limited" }, "limited"],
  ["a pod's session policy", "bank", "default", {
    role: "limited",
    "session-policy-arns": "arn:aws:iam::123456789012:policy/unknown",
  }, "limited"],
  [
    "a broken session policy",
    "broken",
    "default",
    { role: "limited" },
    /session-policy is not JSON/,
  ],
  ["a policy of another account", "bank", "default", {
    role: "limited",
    "session-policy-arns": "arn:aws:iam::210987654321:policy/x",
  }, /is not the ARN of a managed policy of account 123456789012/],
];

const flags = [
  "--cluster-name=prod",
  "--external-id={cluster}/{namespace}/{serviceAccount}",
  "--external-id-permitted=acme/{namespace}",
  `--assume-role-permitted=${arn("trust-{namespace}")}`,
  "--session-tags=kubernetes-namespace,kubernetes-service-account",
  "--session-tag=path={namespace}/{serviceAccount}",
  "--transitive-tags=kubernetes-namespace",
  "--source-identity={namespace}.{serviceAccount}",
];

const addressOf = (pod: number) => `127.0.0.${pod + 1}`;

function manifests(): string {
  const items = [
    ...roles,
    ...Object.entries(namespaces).map(([name, annotations]) => ({
      kind: "Namespace",
      metadata: { name, annotations: keyed(annotations) },
    })),
    ...pods.map(([, namespace, serviceAccountName, annotations], at) => ({
      kind: "Pod",
      metadata: { name: `pod-${at}`, namespace, annotations: keyed(annotations) },
      spec: { serviceAccountName },
      status: { podIP: addressOf(at) },
    })),
  ];
  return JSON.stringify({ kind: "List", items });
}

describe("trust that STS enforces, with a policy that permits everything", () => {
  let folder: string;
  let dev: DevProcess;
  let agent: URL;
  let sts: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rolecall-trust-"));
    const path = join(folder, "cluster.json");
    await writeFile(path, manifests());
    dev = new DevProcess(["--manifests", path, ...flags]);
    agent = await dev.url("agent");
    await dev.saw(/sends a request as the pod at that address/);
    [, sts = ""] = await dev.saw(/--endpoint-url (http:\S+)/);
  });

  after(async () => {
    assert.equal(await dev.stop(), 0);
    await rm(folder, { recursive: true });
  });

  for (const [at, [name, namespace, , annotations, expected]] of pods.entries()) {
    test(`${name}, in ${namespace}, ${JSON.stringify(annotations)}: ${expected}`, async () => {
      const { status, text } = await send(agent, list, addressOf(at));
      if (typeof expected === "string") return assert.deepEqual([status, text], [200, expected]);
      assert.equal(status, 403, text);
      assert.match(text, expected);
    });
  }

  /** Whether a pod's credentials may assume the role `further`, which trusts the whole account. */
  async function mayAssumeFurther(name: string): Promise<boolean> {
    const at = pods.findIndex(([one]) => one === name);
    const { text } = await send(agent, `${list}${pods[at]![3]["role"]}`, addressOf(at));
    const { AccessKeyId, Token } = JSON.parse(text);
    const response = await fetch(sts, {
      method: "POST",
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=${AccessKeyId}/x, Signature=y`,
        "x-amz-security-token": Token,
      },
      body: new URLSearchParams({
        Action: "AssumeRole",
        RoleArn: arn("further"),
        RoleSessionName: "ok",
      }),
    });
    await response.body?.cancel();
    return response.ok;
  }

  test("a session policy limits the pod's credentials in AWS", async () => {
    assert.equal(await mayAssumeFurther("no session policy"), true);
    assert.equal(await mayAssumeFurther("a namespace's session policy"), false);
    assert.equal(await mayAssumeFurther("a pod's session policy"), false);
  });

  test("external IDs appear nowhere; everything else that is sent does", async () => {
    const at = new URL(await dev.url("status"));
    const own = pods.findIndex(([one]) => one === "by its trust role");
    const pages = ["/api/summary", `/api/pods/desk/pod-${own}`, "/api/pods/shop/pod-0"];
    const texts = await Promise.all(pages.map(async (path) => (await send(at, path)).text));
    const seen = dev.output + texts.join("\n");
    assert.doesNotMatch(seen, /prod\/(?:shop|desk|bank)|acme\/till/);
    assert.match(texts[1]!, /assumed by arn:aws:iam::123456789012:role\/trust-desk/);
    assert.match(texts[2]!, /with an external ID, source identity shop\.cart, tagged kubernetes-/);
  });
});

test("docs/trust-policies.md: the example is refused as the page says", async () => {
  const page = await readFile(
    fileURLToPath(new URL("../../docs/trust-policies.md", import.meta.url)),
    "utf8",
  );
  const folder = await mkdtemp(join(tmpdir(), "rolecall-trust-page-"));
  const path = join(folder, "trust.yaml");
  await writeFile(path, new Map(documentedFiles(page)).get("trust.yaml") ?? "");
  const [, given = ""] = /`deno task dev --manifests trust\.yaml\s+([^`]*)`/.exec(page) ?? [];
  const dev = new DevProcess(["--manifests", path, ...given.split(/\s+/)]);
  try {
    const agent = await dev.url("agent");
    await dev.saw(/sends a request as the pod at that address/);
    assert.equal((await send(agent, list)).text, "cart");
    const thief = await send(agent, list, "127.0.0.2");
    assert.match(`${thief.status} ${thief.text}`, /^403 STS denies .*role\/cart/);
  } finally {
    assert.equal(await dev.stop(), 0);
    await rm(folder, { recursive: true });
  }
});

const issuer = "oidc.rolecall.dev";
const provider = `arn:aws:iam::123456789012:oidc-provider/${issuer}`;

/** A role that trusts one subject of the cluster's tokens. */
function federated(name: string, subject: string, audience = "sts.amazonaws.com") {
  const Condition = { StringEquals: { [`${issuer}:sub`]: subject, [`${issuer}:aud`]: audience } };
  const Statement = {
    Effect: "Allow",
    Principal: { Federated: provider },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition,
  };
  const trustPolicy = { Version: "2012-10-17", Statement };
  return { apiVersion: "iam.rolecall.dev/v1", kind: "Role", spec: { arn: arn(name), trustPolicy } };
}

// pod, namespace, ServiceAccount, annotations, the role or the reason
const federatedPods: typeof pods = [
  ["its ServiceAccount", "shop", "cart", { role: "cart" }, "cart"],
  ["another pod of it", "shop", "cart", { role: "cart" }, "cart"],
  ["another ServiceAccount", "shop", "x", { role: "cart" }, /^STS denies .*serviceaccount:shop:x/],
  ["another namespace", "bank", "cart", { role: "cart" }, /^STS denies .*serviceaccount:bank:cart/],
  ["another audience", "shop", "cart", { role: "elsewhere" }, /^STS denies/],
  [
    "an external ID",
    "shop",
    "cart",
    { role: "cart", "external-id": "my-id" },
    /can't be sent with/,
  ],
  ["the server's", "servers", "cart", { role: "for-server" }, "for-server"],
  [
    "a token's role by the server",
    "servers",
    "cart",
    { role: "cart" },
    /^STS denies .*sts:AssumeRole /,
  ],
  ["the server's role by a token", "shop", "cart", { role: "for-server" }, /^STS denies/],
  ["IRSA's annotation", "shop", "irsa", {}, "by-irsa"],
];

test("web identity: roles trust ServiceAccounts, and one session serves each", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rolecall-federated-"));
  const path = join(folder, "cluster.json");
  const namespaced = {
    shop: everything,
    bank: everything,
    servers: { ...everything, "assume-with": "server" },
  };
  const items = [
    federated("cart", "system:serviceaccount:shop:cart"),
    federated("elsewhere", "system:serviceaccount:shop:cart", "elsewhere"),
    federated("by-irsa", "system:serviceaccount:shop:irsa"),
    role("for-server", server, {}),
    ...Object.entries(namespaced).map(([name, annotations]) => ({
      kind: "Namespace",
      metadata: { name, annotations: keyed(annotations) },
    })),
    {
      kind: "ServiceAccount",
      metadata: {
        namespace: "shop",
        name: "irsa",
        annotations: { "eks.amazonaws.com/role-arn": arn("by-irsa") },
      },
    },
    ...federatedPods.map(([, namespace, serviceAccountName, annotations], at) => ({
      kind: "Pod",
      metadata: { name: `pod-${at}`, namespace, annotations: keyed(annotations) },
      spec: { serviceAccountName },
      status: { podIP: addressOf(at) },
    })),
  ];
  await writeFile(path, JSON.stringify({ kind: "List", items }));
  const flags = ["--assume-with=service-account", "--irsa-annotations", "--session-duration=15m"];
  const dev = new DevProcess(["--manifests", path, ...flags]);
  try {
    const agent = await dev.url("agent");
    await dev.saw(/sends a request as the pod at that address/);
    for (const [at, [name, , , , expected]] of federatedPods.entries()) {
      const { status, text } = await send(agent, list, addressOf(at));
      if (typeof expected === "string") assert.deepEqual([status, text], [200, expected], name);
      else {assert.match(
          `${status} ${text}`,
          new RegExp(`^403 .*${expected.source.replace("^", "")}`),
          name,
        );}
    }
    const keys = await Promise.all([0, 1].map(async (at) => {
      return JSON.parse((await send(agent, `${list}cart`, addressOf(at))).text).AccessKeyId;
    }));
    assert.equal(keys[0], keys[1]);
    const page = await send(await dev.url("status"), "/api/pods/shop/pod-0");
    assert.match(page.text, /with a token of system:serviceaccount:shop:cart/);
  } finally {
    assert.equal(await dev.stop(), 0);
    await rm(folder, { recursive: true });
  }
});
