import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeRuntime } from "../../tests/fakes/runtime.ts";
import { migrateCommand } from "./command.ts";

const base = "--role-base-arn=arn:aws:iam::111122223333:role/";
const files = {
  "good.yaml": `kind: Namespace
metadata: {name: shop, annotations: {iam.amazonaws.com/permitted: .*}}
---
kind: Pod
metadata: {name: web, namespace: shop, annotations: {iam.amazonaws.com/role: reader}}
`,
  "bad.yaml": `kind: Namespace
metadata: {name: shop, annotations: {iam.amazonaws.com/permitted: "arn:|x"}}
---
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {annotations: {iam.amazonaws.com/role: reader}}}}
`,
};

// arguments, exit code, what is written
const runs = [
  [["check", "good.yaml", base], 0, /1 pods compared with kiam-v3 and kiam-v4: no answer differs/],
  [["check", "bad.yaml", base, "--from=kiam-v4"], 3, /loses-role[\s\S]*shop\/deployment\/web/],
  [["check", "bad.yaml", base, "--output=json"], 3, /"kind": "loses-role"/],
  [["check", "none.yaml"], 2, /none\.yaml: can't be read/],
  [["check"], 2, /no files and no kubeconfig/],
  [["good.yaml"], 2, /expected migrate check/],
  [["check", "good.yaml", "--role-base-arn=x", "--from=k"], 2, /--from[\s\S]*role/],
  [
    ["check", "--kubeconfig=none.yaml"],
    2,
    /--kubeconfig: kubeconfig none\.yaml: .*; mend it .* \(or give manifest files\)/,
  ],
] as const;

for (const [args, code, text] of runs) {
  test(`migrate ${args.join(" ")}: ${code}`, async () => {
    const { runtime, written } = fakeRuntime({ files });
    assert.equal(await migrateCommand.run(runtime, args), code);
    assert.match(written(), text);
  });
}
