/** What AssumeRole sends besides the role, to moto's STS, which accepts it and enforces nothing. */
import assert from "node:assert/strict";
import { annotateNamespace } from "../cluster_objects.ts";
import type { Scenario } from "../report.ts";
import { startServer, untilReady } from "../rolecall.ts";
import { roleArn, serverKubeconfig, serverOrigin, type Stage } from "../stage.ts";
import { until } from "../until.ts";
import { requestWithBoto } from "./aws_clients.ts";

const key = (name: string) => `iam.amazonaws.com/${name}`;

export const trust: readonly Scenario<Stage>[] = [
  {
    name:
      "trust: external ID, tags, source identity, trust role and session policies at moto's STS",
    run: async (stage) => {
      const { api, folders } = stage;
      await stage.server.stop();
      const options = { name: "server", kubeconfig: serverKubeconfig(folders) };
      const flags = [
        "--cluster-name=prod",
        "--external-id={cluster}/{namespace}/{serviceAccount}",
        `--assume-role-permitted=${roleArn("trust-{namespace}")}`,
        "--session-tags=kubernetes-namespace,kubernetes-service-account",
        "--session-tag=path={namespace}/{serviceAccount}",
        "--transitive-tags=kubernetes-namespace",
        "--source-identity={namespace}.{serviceAccount}",
      ];
      stage.server = startServer(stage.runtime, folders, { ...options, flags });
      try {
        await untilReady(stage.server, serverOrigin);
        await stage.namespace("trust", ".*");
        const policy = { Effect: "Deny", Action: "iam:*", Resource: "*" };
        await annotateNamespace(api, "trust", {
          [key("assume-role")]: "trust-trust",
          [key("session-policy")]: JSON.stringify({ Version: "2012-10-17", Statement: policy }),
          [key("session-policy-arns")]: "arn:aws:iam::aws:policy/AdministratorAccess",
        });
        const annotations = { [key("role")]: "reader" };
        const pod = await stage.pod({ namespace: "trust", name: "web", annotations });
        await until("the role", async () => (await pod.list()).body === "reader");
        const { arn } = await requestWithBoto(pod, stage.builds.python);
        assert.match(arn ?? "", /:assumed-role\/reader\/trust\.default$/);
        // Other namespaces' credentials are issued meanwhile, with the restart.
        const line = stage.server.log().split("\n").findLast((one) =>
          /"credentials issued"/.test(one) && one.includes(`"trust.default"`)
        );
        const { assumedBy, externalIdSent, sourceIdentity, sessionTags } = JSON.parse(line ?? "{}");
        assert.deepEqual([assumedBy, externalIdSent, sourceIdentity, sessionTags], [
          roleArn("trust-trust"),
          true,
          "trust.default",
          {
            "kubernetes-namespace": "trust",
            "kubernetes-service-account": "default",
            path: "trust/default",
          },
        ]);
        const thief = { [key("role")]: roleArn("trust-trust") };
        const reserved = await stage.pod({ namespace: "trust", name: "thief", annotations: thief });
        await until("the denial", async () => (await reserved.list()).status === 403);
        assert.doesNotMatch(stage.server.log(), /prod\/trust/);
      } finally {
        await stage.restartServer();
      }
      await untilReady(stage.server, serverOrigin);
    },
  },
];
