/**
 * The roles of "getting started" and "web identity": their AWS CLI commands against moto's IAM with the
 * policies that the pages show, and their Terraform, read by HashiCorp's parser, which has to say the
 * same. Terraform itself isn't run: its AWS provider comes from its own registry alone.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { isDeepStrictEqual } from "node:util";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { env } from "node:process";
import { annotationKeys } from "../../src/kubernetes/objects/objects.ts";
import { runMigrate } from "../../src/migrate/command.ts";
import { fakeRuntime } from "../fakes/runtime.ts";
import { Running } from "../system/programs.ts";
import { Hopeless, until } from "../system/until.ts";
import {
  documentedCommands,
  documentedFiles,
  fences,
  outputPattern,
  pages,
} from "./command_blocks.ts";

const page = new Map(pages()).get("docs/getting-started.md")!;
const files = documentedFiles(page);
const { permitted: permittedKey, role: roleKey } = annotationKeys;
const serverRole = "masters.k8s.example.com";

let folder: string;
let moto: Running;
let settings: Record<string, string>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "rolecall-iam-"));
  for (const [name, text] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const command = ["moto_server", "-H", "127.0.0.1", "-p", "0"];
  moto = new Running("moto", command, join(folder, "moto.log"), {
    env: { PATH: env["PATH"]! },
  });
  const url = await until("moto", () => {
    if (!moto.alive) throw new Hopeless(moto.log());
    return /Running on (http:\/\/127\S+)/.exec(moto.log())?.[1];
  }, { within: 60_000, every: 200 });
  settings = {
    PATH: env["PATH"]!,
    AWS_ENDPOINT_URL: url,
    AWS_DEFAULT_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "x",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  };
});

after(async () => {
  await moto.stop(5000);
  rmSync(folder, { recursive: true });
});

/** What it prints; it has to succeed. */
function shell(command: string): string {
  const options = { cwd: folder, env: settings, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", command], options);
  assert.equal(status, 0, `${command}\n${stdout}${stderr}`);
  return stdout;
}

test("getting started: the AWS CLI makes the roles from the policies shown", () => {
  const anyone = '{"Version":"2012-10-17","Statement":[]}';
  shell(`aws iam create-role --role-name ${serverRole} --assume-role-policy-document '${anyone}'`);
  const commands = documentedCommands(page, "aws");
  assert.equal(commands.length, 2);
  for (const { command, output } of commands) {
    assert.match(shell(command), outputPattern(output), command);
  }
  const policy = `aws iam get-role-policy --role-name ${serverRole} --policy-name rolecall`;
  assert.deepEqual(JSON.parse(shell(policy)).PolicyDocument, shown("server.json"));
  const { Role: role } = JSON.parse(shell("aws iam get-role --role-name cart"));
  assert.deepEqual(role.AssumeRolePolicyDocument, shown("cart.json"));
});

function shown(name: string): unknown {
  return JSON.parse(files.get(name)!);
}

test("IAM accepts every policy on every page", () => {
  let count = 0;
  for (const [path, text] of pages()) {
    for (const { line, words: [language], lines } of fences(text)) {
      const policy = lines.join("\n");
      if (language !== "json" || !policy.includes('"Statement"')) continue;
      writeFileSync(join(folder, "policy.json"), policy);
      const kind = policy.includes('"Principal"')
        ? "create-role --role-name R --assume-role-policy-document"
        : "create-policy --policy-name R --policy-document";
      shell(
        `aws iam ${kind.replace("R ", `number-${count} `)} file://policy.json # ${path}:${line}`,
      );
      count++;
    }
  }
  assert.ok(count >= 5, `${count}`);
});

const irsa = ["--to=irsa", "--oidc-issuer=https://oidc.example.com"];
const podIdentity = ["--to=pod-identity", "--cluster-name=c"];

/** A plan for one pod. */
async function generated(...args: readonly string[]): Promise<string> {
  const manifests = [
    { kind: "Namespace", metadata: { name: "shop", annotations: { [permittedKey]: ".*" } } },
    {
      kind: "Pod",
      metadata: { name: "p", namespace: "shop", annotations: { [roleKey]: "pods/moved" } },
      spec: { serviceAccountName: "cart" },
    },
  ];
  const text = manifests.map((one) => JSON.stringify(one)).join("\n---\n");
  const { runtime, written } = fakeRuntime({ files: { "m.yaml": text } });
  const base = "--role-base-arn=arn:aws:iam::123456789012:role/";
  assert.equal(await runMigrate(runtime, ["generate", ...args, base, "m.yaml"]), 0);
  return written();
}

test("migrate generate: its commands add to trust policies, and keep what is there", async () => {
  shell(
    `aws iam create-role --role-name moved --path /pods/ --assume-role-policy-document '${
      JSON.stringify(shown("cart.json"))
    }'`,
  );
  const before = shown("cart.json") as { Statement: object[] };
  // Neither Kubernetes nor EKS is here: the one prints, the other has the association once created.
  const shadows = `kubectl() { echo "$@"; }
aws() {
  case "$1 $2" in
    "eks list"*) if grep -qs create- eks; then echo a-1; else echo None; fi ;;
    "eks "*) ;;
    *) command aws "$@"; return ;;
  esac
  echo "$2" >> eks
}
`;
  // Once more changes nothing.
  for (const target of [irsa, irsa, podIdentity, podIdentity]) {
    writeFileSync(join(folder, "migrate.sh"), shadows + await generated(...target, "-o=cli"));
    shell(". ./migrate.sh");
  }
  const calls = shell("cat eks").trim().split("\n");
  assert.deepEqual(calls, [
    "list-pod-identity-associations",
    "create-pod-identity-association",
    "list-pod-identity-associations",
    "update-pod-identity-association",
  ]);
  const { Role: role } = JSON.parse(shell("aws iam get-role --role-name moved"));
  const { Statement } = role.AssumeRolePolicyDocument;
  assert.equal(Statement.length, before.Statement.length + 2);
  for (const one of before.Statement) {
    assert.ok(Statement.some((other: object) => isDeepStrictEqual(one, other)));
  }
});

interface Statement {
  readonly actions: string[];
  readonly resources?: string[];
  readonly principals?: readonly { readonly type: string; readonly identifiers: string[] }[];
}

test("getting started: Terraform and the AWS CLI create the same policies", () => {
  const server = shown("server.json") as { Statement: [unknown] };
  const cart = shown("cart.json") as { Statement: [{ Principal: { AWS: string } }] };
  const given = { "${var.server_role_arn}": cart.Statement[0].Principal.AWS };
  const { data, resource } = hcl(files.get("roles.tf")!);
  const policies = Object.fromEntries(
    Object.entries(data.aws_iam_policy_document as Record<string, [{ statement: Statement[] }]>)
      .map(([name, [document]]) => [
        `\${data.aws_iam_policy_document.${name}.json}`,
        policyOf(document.statement, given),
      ]),
  );
  const [role] = resource.aws_iam_role.cart;
  assert.deepEqual([role.name, role.path], ["cart", "/pods/"]);
  assert.deepEqual(policies[role.assume_role_policy], cart);
  const [inline] = resource.aws_iam_role_policy.server;
  assert.deepEqual([inline.name, inline.role], ["rolecall", serverRole]);
  assert.deepEqual(policies[inline.policy], server);
});

test("web identity: Terraform has the trust policy that the page shows as JSON", () => {
  const given = documentedFiles(new Map(pages()).get("docs/web-identity.md")!);
  const terraform = new Map(given).get("web-identity.tf")!;
  const { resource } = hcl(terraform);
  const [provider] = resource.aws_iam_openid_connect_provider.cluster;
  const issuer = provider.url.replace("https://", "");
  const [, encoded = ""] = /assume_role_policy = jsonencode\(([^]*?)\n {2}\}\)/.exec(terraform) ??
    [];
  const { policy } = hcl(`policy = ${encoded}\n}\n`);
  const { Statement: statement } = policy as {
    Statement: { Principal: { Federated: string }; Condition: { StringEquals: object } };
  };
  assert.equal(statement.Principal.Federated, "${aws_iam_openid_connect_provider.cluster.arn}");
  statement.Principal.Federated = `arn:aws:iam::123456789012:oidc-provider/${issuer}`;
  assert.deepEqual(policy, JSON.parse(new Map(given).get("trust-service-account.json")!));
  assert.deepEqual(provider.client_id_list, ["sts.amazonaws.com"]);
});

test("Terraform: pages and migrate generate have the layout of terraform fmt", async () => {
  const shownBlocks = pages().flatMap(([path, text]) =>
    fences(text).filter(({ words: [language] }) => language === "hcl")
      .map(({ line, lines }): [string, string] => [`${path}:${line}`, lines.join("\n") + "\n"])
  );
  assert.ok(shownBlocks.length >= 3);
  for (const target of [irsa, podIdentity]) {
    shownBlocks.push([target[0]!, await generated(...target, "-o=terraform")]);
  }
  for (const [name, text] of shownBlocks) assert.equal(runHcl(text, "fmt"), text, name);
});

/** Terraform's configuration language, as JSON. */
function hcl(input: string) {
  return JSON.parse(runHcl(input));
}

function runHcl(input: string, ...args: readonly string[]): string {
  const options = { input, env: settings, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync("hcl", args, options);
  assert.equal(status, 0, stderr);
  return stdout;
}

/** As the data source `aws_iam_policy_document` writes it: lists of one are their only member. */
function policyOf(statements: readonly Statement[], variables: Readonly<Record<string, string>>) {
  const one = (texts: readonly string[]) => {
    const values = texts.map((text) => variables[text] ?? text);
    return values.length === 1 ? values[0] : values;
  };
  return {
    Version: "2012-10-17",
    Statement: statements.map(({ actions, resources, principals }) => ({
      Effect: "Allow",
      Action: one(actions),
      ...resources && { Resource: one(resources) },
      ...principals && {
        Principal: Object.fromEntries(
          principals.map(({ type, identifiers }) => [type, one(identifiers)]),
        ),
      },
    })),
  };
}
