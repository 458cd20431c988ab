/**
 * The annotations' table from manifests to STS's wire and back to the pod: the AssumeRole request,
 * who shares credentials with whom, and what roles of every wrong kind end in.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assumed, caller, startStsEndpoint, type StsEndpoint } from "../fakes/sts_endpoint.ts";
import { DevProcess, send } from "./dev_process.ts";

const account = "111122223333";
const base = `arn:aws:iam::${account}:role/`;
const list = "/latest/meta-data/iam/security-credentials/";
const keys = {
  AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
  AWS_SECRET_ACCESS_KEY: "x",
  AWS_SESSION_TOKEN: "",
};

type Annotations = Readonly<Record<string, string>>;

interface TriedPod {
  readonly name: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly annotations?: Annotations;
}

interface Cluster {
  readonly namespaces: Readonly<Record<string, Annotations>>;
  /** Annotations by `namespace/name`. */
  readonly accounts?: Readonly<Record<string, Annotations>>;
  readonly pods: readonly TriedPod[];
}

/** Annotations without their prefix. */
function keyed(annotations: Annotations = {}): Annotations {
  return Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [`iam.amazonaws.com/${key}`, value]),
  );
}

function addressOf(cluster: Cluster, name: string): string {
  return `127.0.1.${cluster.pods.findIndex((pod) => pod.name === name) + 1}`;
}

function manifests(cluster: Cluster): string {
  const { namespaces, accounts = {}, pods } = cluster;
  const items = [
    ...Object.entries(namespaces).map(([name, annotations]) => ({
      kind: "Namespace",
      metadata: { name, annotations: keyed(annotations) },
    })),
    ...Object.entries(accounts).map(([key, annotations]) => {
      const [namespace, name] = key.split("/");
      const metadata = { namespace, name, annotations: keyed(annotations) };
      return { kind: "ServiceAccount", metadata };
    }),
    ...pods.map(({ name, namespace = "shop", serviceAccount = "default", annotations }) => ({
      kind: "Pod",
      metadata: { name, namespace, uid: `uid-${name}`, annotations: keyed(annotations) },
      spec: { serviceAccountName: serviceAccount },
      status: { podIP: addressOf(cluster, name) },
    })),
  ];
  return JSON.stringify({ kind: "List", items });
}

/** A `dev` over this cluster with an STS that gives another key at each call. */
class Tried {
  readonly cluster: Cluster;
  readonly flags: readonly string[];
  readonly callerArn: string;
  #folder = "";
  #sts: StsEndpoint | undefined;
  #dev: DevProcess | undefined;
  #agent: URL | undefined;

  constructor(
    cluster: Cluster,
    flags: readonly string[] = [],
    callerArn = `arn:aws:sts::${account}:assumed-role/rolecall-server/i-1`,
  ) {
    this.cluster = cluster;
    this.flags = flags;
    this.callerArn = callerArn;
  }

  async open(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), "rolecall-annotations-"));
    const path = join(this.#folder, "cluster.json");
    await writeFile(path, manifests(this.cluster));
    this.#sts = await startStsEndpoint();
    this.#sts.answer = ({ form }) => {
      if (form.get("Action") === "GetCallerIdentity") return caller(this.callerArn);
      const seconds = Number(form.get("DurationSeconds"));
      const key = `ASIA${this.#sts!.requests.length}`;
      return assumed(key, new Date(Date.now() + seconds * 1000));
    };
    const { url } = this.#sts;
    const flags = ["--manifests", path, "--sts-endpoint", url, ...this.flags];
    this.#dev = new DevProcess(flags, keys);
    this.#agent = await this.#dev.url("agent");
    await this.#dev.saw(/sends a request as the pod at that address/);
  }

  async close(): Promise<void> {
    const code = await this.#dev?.stop();
    await this.#sts?.close();
    await rm(this.#folder, { recursive: true, force: true });
    assert.equal(code, 0);
  }

  /** The role listed for a pod, or its refusal. */
  list(pod: string) {
    return this.#send(pod, list);
  }

  async credentials(pod: string): Promise<{ readonly AccessKeyId: string }> {
    const { text } = await this.list(pod);
    const answer = await this.#send(pod, list + text);
    assert.equal(answer.status, 200, answer.text);
    return JSON.parse(answer.text);
  }

  /** The AssumeRole request behind a pod's credentials. */
  async assumedFor(pod: string): Promise<Readonly<Record<string, string>>> {
    const { AccessKeyId } = await this.credentials(pod);
    const request = this.#sts!.requests[Number(AccessKeyId.slice("ASIA".length)) - 1];
    const { Action: _action, Version: _version, ...form } = Object.fromEntries(request!.form);
    return form;
  }

  get requests() {
    return this.#sts!.requests;
  }

  get output(): string {
    return this.#dev!.output;
  }

  async status(path: string): Promise<string> {
    return (await send(await this.#dev!.url("status"), path)).text;
  }

  async metrics(): Promise<string> {
    return (await send(await this.#dev!.url("metrics"), "/metrics")).text;
  }

  #send(pod: string, path: string) {
    return send(this.#agent!, path, addressOf(this.cluster, pod));
  }
}

function trying(name: string, tried: Tried, cases: (tried: Tried) => void): void {
  describe(name, () => {
    before(() => tried.open());
    after(() => tried.close());
    cases(tried);
  });
}

const reader = { role: "reader" };
const one = { RoleArn: base + "reader", RoleSessionName: "shop.default", DurationSeconds: "3600" };

/** A pod and its AssumeRole request. */
const plainPods: readonly (readonly [TriedPod, Readonly<Record<string, string>>])[] = [
  [{ name: "name", annotations: reader }, one],
  [{ name: "path", annotations: { role: "/team/reader" } }, {
    ...one,
    RoleArn: base + "team/reader",
  }],
  [
    { name: "arn", annotations: { role: "arn:aws-cn:iam::999988887777:role/reader" } },
    { ...one, RoleArn: "arn:aws-cn:iam::999988887777:role/reader" },
  ],
  [{ name: "external", annotations: { ...reader, "external-id": "id-1" } }, {
    ...one,
    ExternalId: "id-1",
  }],
  [{ name: "other-external", annotations: { ...reader, "external-id": "id-2" } }, {
    ...one,
    ExternalId: "id-2",
  }],
  [{ name: "session", annotations: { ...reader, "session-name": "a b/c" } }, {
    ...one,
    RoleSessionName: "a-b-c",
  }],
  [{ name: "short", annotations: { ...reader, "session-duration": "15m" } }, {
    ...one,
    DurationSeconds: "900",
  }],
  [{ name: "account", serviceAccount: "reports" }, {
    ...one,
    RoleArn: base + "reports",
    RoleSessionName: "shop.reports",
  }],
  [{ name: "own-first", serviceAccount: "reports", annotations: reader }, {
    ...one,
    RoleSessionName: "shop.reports",
  }],
  [{ name: "default", namespace: "defaults" }, {
    ...one,
    RoleArn: base + "basic",
    RoleSessionName: "defaults.default",
  }],
];

const silent = [
  { name: "declines", namespace: "defaults", annotations: { role: "" } },
  { name: "nothing" },
];

const usual = new Tried({
  namespaces: {
    shop: { permitted: "arn:.*" },
    defaults: { permitted: ".*:role/basic", "default-role": "basic" },
  },
  accounts: { "shop/reports": { role: "reports" } },
  pods: [...plainPods.map(([pod]) => pod), { name: "twin", annotations: reader }, ...silent],
});

trying("annotations", usual, (tried) => {
  for (const [{ name }, expected] of plainPods) {
    test(`annotations: ${name}: the request to STS`, async () => {
      assert.deepEqual(await tried.assumedFor(name), expected);
    });
  }

  test("annotations: pods share credentials only if their whole role identity is the same", async () => {
    const pods = [...plainPods.map(([pod]) => pod.name), "twin"];
    const held = await Promise.all(pods.map((name) => tried.credentials(name)));
    const own = new Set(held.map(({ AccessKeyId }) => AccessKeyId));
    assert.equal(own.size, plainPods.length);
    assert.equal(held.at(-1)?.AccessKeyId, held[0]?.AccessKeyId);
    const calls = tried.requests.filter(({ form }) => form.get("Action") === "AssumeRole");
    assert.equal(calls.length, plainPods.length, "one call an identity");
  });

  for (const { name } of silent) {
    test(`annotations: ${name}: no role`, async () => {
      assert.equal((await tried.list(name)).status, 404);
    });
  }

  test("annotations: external IDs appear nowhere", async () => {
    const seen = tried.output + await tried.status("/api/summary") + await tried.metrics() +
      await tried.status("/api/pods/shop/external");
    assert.match(seen, /with an external ID/);
    assert.doesNotMatch(seen, /id-1|id-2/);
  });
});

const own = `arn:aws:iam::${account}:role/`;
trying(
  "settings",
  new Tried({
    namespaces: {
      shop: { permitted: "team/.*" },
      lists: { "allowed-roles": JSON.stringify(["read*", "arn:aws:iam::999988887777:role/x"]) },
    },
    pods: [
      { name: "by-name", annotations: { role: "team/reader" } },
      { name: "foreign", annotations: { role: "arn:aws:iam::999988887777:role/team/reader" } },
      { name: "listed", namespace: "lists", annotations: reader },
      {
        name: "listed-arn",
        namespace: "lists",
        annotations: { role: "arn:aws:iam::999988887777:role/x" },
      },
      { name: "unlisted", namespace: "lists", annotations: { role: "writer" } },
    ],
  }, [
    "--permitted-match=name",
    "--allowed-roles",
    "--session-tags=all",
    "--cluster-name=prod",
    "--session-name={cluster}.{namespace}.{pod}.{role}",
    "--session-duration=2h",
  ]),
  (tried) => {
    test("settings: by name in the server's own account, tags, template and duration", async () => {
      const form = await tried.assumedFor("by-name");
      const tags = Object.entries(form).filter(([key]) => key.endsWith(".Key"))
        .map(([key, value]) => [value, form[key.replace(/Key$/, "Value")]]);
      assert.deepEqual(
        [form["RoleArn"], form["RoleSessionName"], form["DurationSeconds"]],
        [own + "team/reader", "prod.shop.by-name.reader", "7200"],
      );
      assert.deepEqual(Object.fromEntries(tags), {
        "eks-cluster-name": "prod",
        "kubernetes-namespace": "shop",
        "kubernetes-service-account": "default",
        "kubernetes-pod-name": "by-name",
        "kubernetes-pod-uid": "uid-by-name",
      });
    });

    test("settings: a name is not enough for another account's role", async () => {
      assert.equal((await tried.list("foreign")).status, 403);
    });

    test("settings: kube2iam's lists permit what they list", async () => {
      assert.equal((await tried.assumedFor("listed"))["RoleArn"], own + "reader");
      const foreign = "arn:aws:iam::999988887777:role/x";
      assert.equal((await tried.assumedFor("listed-arn"))["RoleArn"], foreign);
      assert.match((await tried.list("unlisted")).text, /has no glob for/);
    });
  },
);

trying(
  "a role assumed first",
  new Tried(
    {
      namespaces: { shop: { permitted: ".*" } },
      pods: [
        { name: "chained", annotations: reader },
        { name: "long", annotations: { ...reader, "session-duration": "2h" } },
        { name: "first", annotations: { role: `${base}first` } },
        { name: "servers", annotations: { role: "rolecall-server" } },
      ],
    },
    [`--assume-role-arn=${base}first`],
  ),
  (tried) => {
    test("a role assumed first: its session assumes the pod's, within the hour", async () => {
      assert.deepEqual(await tried.assumedFor("chained"), one);
      const calls = tried.requests.filter(({ form }) => form.get("Action") === "AssumeRole");
      const first = calls.find(({ form }) => form.get("RoleArn") === `${base}first`);
      const second = calls.find(({ form }) => form.get("RoleArn") === `${base}reader`);
      assert.equal(first?.accessKeyId, keys.AWS_ACCESS_KEY_ID);
      assert.match(second?.accessKeyId ?? "", /^ASIA\d+$/);
      assert.match(
        (await tried.list("long")).text,
        /session-duration .* more than the server's 1h/,
      );
    });

    for (const name of ["first", "servers"]) {
      test(`a role assumed first: ${name}: the server's own roles are never given`, async () => {
        const { status, text } = await tried.list(name);
        assert.match(`${status} ${text}`, /^403 .*the server itself runs as/);
      });
    }
  },
);

for (const partition of ["aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc"]) {
  const arn = `arn:${partition}:sts::${account}:assumed-role/rolecall-server/i-1`;
  const cluster = {
    namespaces: { shop: { permitted: `arn:${partition}:iam::${account}:role/.*` } },
    pods: [{ name: "web", annotations: reader }, {
      name: "default",
      annotations: { role: base + "reader" },
    }],
  };
  trying(`partition ${partition}`, new Tried(cluster, [], arn), (tried) => {
    test(`partition ${partition}: names are roles of the server's own partition`, async () => {
      const { RoleArn } = await tried.assumedFor("web");
      assert.equal(RoleArn, `arn:${partition}:iam::${account}:role/reader`);
      assert.equal((await tried.list("default")).status, 403);
    });
  });
}

/** Annotations of every wrong kind, and how their refusal reads. */
const wrong: readonly (readonly [string, Annotations, RegExp])[] = [
  ["spaces", { role: "   " }, /RoleMalformed|is not a role/],
  ["a newline", { role: "reader\n" }, /"reader\\u000a" is not a role/],
  ["64 KiB", { role: "x".repeat(65_536) }, /is not a role: an ARN has at most 2048/],
  ["a look-alike", { role: "re\u0430der" }, /"re\\u0430der" is not a role/],
  ["right to left", { role: "reader\u202etxt" }, /\\u202e/],
  ["a terminal's code", { role: "\u001b[31mreader" }, /"\\u001b\[31mreader"/],
  ["half a surrogate", { role: "reader\ud800" }, /\\ud800|\\ufffd/],
  ["arn:x", { role: "arn:x" }, /an ARN has six parts/],
  ["another service", { role: "arn:aws:s3:::bucket/reader" }, /service of a role's ARN is iam/],
  [
    "another partition",
    { role: "arn:azure:iam::111122223333:role/reader" },
    /the partition is one/,
  ],
  ["a user", { role: "arn:aws:iam::111122223333:user/reader" }, /role\/NAME follows/],
  ["a wildcard", { role: "*" }, /a role's name is 1 to 64 of/],
  ["an ARN with a wildcard", { role: base + "*" }, /a role's name is 1 to 64 of/],
  ["markup", { role: "<script>alert(1)</script>" }, /is not a role/],
  ["a path upwards", { role: "../../admin" }, /does not match/],
  ["a long external ID", { ...reader, "external-id": "zq".repeat(613) }, /external-id is longer/],
  ["a short external ID", { ...reader, "external-id": "z" }, /external-id is shorter/],
  ["a foreign external ID", { ...reader, "external-id": "zq\u00fc\u00df" }, /STS doesn.t accept/],
  ["no duration", { ...reader, "session-duration": "soon" }, /is not a duration/],
  ["a negative duration", { ...reader, "session-duration": "-1h" }, /is not a duration/],
  ["too long a session", { ...reader, "session-duration": "13h" }, /more than the server's/],
];

trying(
  "bad input",
  new Tried({
    namespaces: {
      shop: { permitted: `${base}reader` },
      open: { permitted: "(x" },
      backtracks: { permitted: "(a+)+".repeat(100) + "$" },
      long: { permitted: "a".repeat(65_536) },
    },
    pods: [
      ...wrong.map(([, annotations], index) => ({ name: `wrong-${index}`, annotations })),
      { name: "fine", annotations: reader },
      { name: "in-open", namespace: "open", annotations: reader },
      { name: "in-backtracks", namespace: "backtracks", annotations: reader },
      { name: "in-long", namespace: "long", annotations: reader },
    ],
  }),
  (tried) => {
    for (const [index, [name, , text]] of wrong.entries()) {
      test(`bad input: ${name}: 403 with one line that says so`, async () => {
        const answer = await tried.list(`wrong-${index}`);
        assert.match(answer.text, text);
        assert.equal(answer.status, 403);
        assert.match(answer.text, /^[\x20-\x7e]{1,500}\n?$/);
        assert.doesNotMatch(answer.text, /zq/, "an external ID is not repeated");
      });
    }

    test("bad input: broken expressions deny only their namespaces' pods", async () => {
      assert.match((await tried.list("in-open")).text, /is not RE2 syntax/);
      assert.match((await tried.list("in-long")).text, /longer than 1024 bytes/);
      assert.equal((await tried.list("in-backtracks")).status, 403);
      assert.deepEqual(await tried.assumedFor("fine"), one);
    });

    test("bad input: counted by reason, and other pods aren't affected", async () => {
      const metrics = await tried.metrics();
      const count = (reason: string) =>
        Number(new RegExp(`decisions\\{.*reason="${reason}".*\\} (\\d+)`).exec(metrics)?.[1]);
      assert.ok(count("RoleMalformed") >= 13, metrics);
      assert.equal(count("ExternalIdInvalid"), 3);
      assert.equal(count("SessionDurationInvalid"), 3);
      assert.equal(count("PermittedInvalid"), 2);
    });
  },
);
