import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeRuntime } from "../../tests/fakes/runtime.ts";
import { runMigrate } from "./command.ts";

const base = "--role-base-arn=arn:aws:iam::111122223333:role/";
const reports = '{iam.amazonaws.com/role: "arn:aws:iam::123456789012:role/reports"}';
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
  "alias.yaml": `kind: Namespace
metadata: {name: apps, annotations: {iam.amazonaws.com/permitted: ".*"}}
---
kind: ServiceAccount
metadata:
  name: worker
  namespace: apps
  annotations: {iam.amazonaws.com/role: "arn:aws:iam::123456789012:role/worker"}
---
kind: Pod
metadata: {name: p, namespace: apps}
spec: {serviceAccount: worker}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: apps}
spec: {template: {spec: {serviceAccount: worker}}}
`,
  "generated.yaml": `kind: Namespace
metadata: {name: apps, annotations: {iam.amazonaws.com/permitted: reports}}
---
kind: Pod
metadata: {generateName: p-, namespace: apps, annotations: ${reports}}
---
apiVersion: batch/v1
kind: Job
metadata: {generateName: j-, namespace: apps}
spec: {template: {metadata: {annotations: ${reports}}}}
---
kind: Pod
metadata: {namespace: apps, annotations: ${reports}}
`,
  "operators.yaml": `kind: Namespace
metadata: {name: apps, annotations: {iam.amazonaws.com/permitted: reports}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r, namespace: apps}
spec: {template: {metadata: {annotations: ${reports}}, spec: {containers: [{name: c}]}}}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: w, namespace: apps}
spec: {podMetadata: {annotations: {iam.amazonaws.com/role: reports}}}
---
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: s, namespace: apps}
spec: {driver: {annotations: {iam.amazonaws.com/role: reports}}}
`,
  "workflow.yaml": `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-, namespace: apps}
spec: {podMetadata: {annotations: {iam.amazonaws.com/role: reports}}}
`,
  "alone.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: apps}
spec: {template: {metadata: {annotations: ${reports}}}}
`,
  "number.yaml": `kind: Pod
metadata:
  name: p
  annotations:
    iam.amazonaws.com/external-id: 123456
`,
  "template.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: apps}
spec:
  template:
    metadata:
      annotations: { iam.amazonaws.com/role: {{ .Values.role }} }
`,
  "regexps.yaml": `kind: Namespace
metadata: {name: apps, annotations: {iam.amazonaws.com/allowed-roles: '["team/.*"]'}}
---
kind: Pod
metadata: {name: p, namespace: apps, annotations: {iam.amazonaws.com/role: team/reports}}
`,
};

// arguments, exit code, what is written
const runs = [
  [["check", "good.yaml", base], 0, /1 pod compared with kiam-v3 and kiam-v4: no answer differs/],
  [["check", "bad.yaml", base, "--from=kiam-v4"], 3, /loses-role[\s\S]*shop\/deployment\/web/],
  [["check", "bad.yaml", base, "--output=json"], 3, /"kind": "loses-role"/],
  [["check", "alias.yaml"], 3, /2 pods .*: 2 get[\s\S]*gains-role[\s\S]*apps\/p\n/],
  [
    ["check", "generated.yaml", "--from=kiam-v3"],
    3,
    /^3 pods .*: 3 get[\s\S]*apps\/p-…\n +apps\/job\/j-…\n +apps\/\(no name: generated\.yaml: doc/,
  ],
  [
    ["check", "operators.yaml", "--from=kiam-v3"],
    3,
    /^1 pod .*: 1 gets another answer; 2 not compared[\s\S]*WorkflowTemplate apps\/w[\s\S]*SparkApp/,
  ],
  [["check", "workflow.yaml"], 5, /^0 pods .*: none of them .*; 1 not compared[\s\S]*apps\/w-…/],
  [["check", "workflow.yaml", "--output=json"], 5, /"notCompared": \[[\s\S]*?"kind": "Workflow"/],
  [
    ["check", "alone.yaml", "--from=kiam"],
    5,
    /^0 pods [\s\S]*what namespace apps permits isn't in the/,
  ],
  [["check", "number.yaml"], 2, /line 5: annotation iam\.amazonaws\.com\/external-id is 123456;/],
  [
    ["check", "template.yaml"],
    2,
    /line 7: iam\.amazonaws\.com\/role is {{ \.Values\.role }}: looks like an unrendered template/,
  ],
  [
    [
      "check",
      "regexps.yaml",
      "--from=kube2iam",
      "--namespace-restrictions",
      "--namespace-restriction-format=regexp",
      "--allowed-roles",
      base,
    ],
    3,
    /write the regular expressions of its list as iam\.amazonaws\.com\/permitted, such as arn.*team\/\.\*;/,
  ],
  [["check", "none.yaml"], 2, /none\.yaml: can't be read/],
  [["check"], 2, /no files and no kubeconfig/],
  [["good.yaml"], 2, /expected migrate check/],
  [["check", "good.yaml", "-o", "cli"], 2, /"cli" is not valid for migrate check; expected text/],
  [["check", "good.yaml", "--context=prod"], 2, /expected a cluster or files, not both/],
  [["check", "good.yaml", base, "-n", "other"], 0, /^0 pods compared/],
  [["generate", "good.yaml"], 2, /^--to: is missing; expected irsa or pod-identity/],
  [["generate", "--to=x", "good.yaml"], 2, /^--to: "x" is not valid; expected one of irsa, pod-id/],
  [["generate", "--to=irsa", "good.yaml"], 2, /^--oidc-issuer: is missing/],
  [["generate", "--to=pod-identity", "good.yaml"], 2, /^--cluster-name: is missing/],
  [
    ["generate", "--to=pod-identity", "--cluster-name=c", "good.yaml", base],
    0,
    /^To pod-identity: 1 ServiceAccount, 1 role; 0 pods not migrated/,
  ],
  [
    ["generate", "--to=pod-identity", "--cluster-name=c", "alone.yaml", base],
    5,
    /NamespaceUnknown: what namespace apps permits isn't in the manifests/,
  ],
  [["check", "good.yaml", "--role-base-arn=x", "--from=k"], 2, /--from[\s\S]*role/],
  [
    ["check", "--kubeconfig=none.yaml"],
    2,
    /^--kubeconfig none\.yaml: .*; fix it .* \(or give manifest files\)/,
  ],
] as const;

for (const [args, code, text] of runs) {
  test(`migrate ${args.join(" ")}: ${code}`, async () => {
    const { runtime, written } = fakeRuntime({ files });
    assert.equal(await runMigrate(runtime, args), code);
    assert.match(written(), text);
  });
}
