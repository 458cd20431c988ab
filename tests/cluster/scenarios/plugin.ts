/** The kubectl plugin from a workstation, through port-forwards and tokens of its own. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Outcome, plainEnv, run } from "../../system/programs.ts";
import { until } from "../../system/until.ts";
import type { Site } from "../site.ts";
import { makeNamespace, roleArn, scriptPod } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const program = fileURLToPath(new URL("../../../bin/kubectl-rolecall.js", import.meta.url));
/** Without a token, as IMDSv1 does. */
const requestLoop = 'setInterval(() => fetch("http://169.254.169.254/latest/meta-data/iam/' +
  'security-credentials/").then((answer) => answer.text()).catch(() => {}), 1000)';

export const plugin: readonly ClusterScenario[] = [{
  name: "kubectl rolecall: explain, status, version, revoke and migrate against the API server",
  run: async (site) => {
    const { kubectl } = site;
    await makeNamespace(kubectl, "plugged", roleArn("reader"));
    const pod = { name: "asking", namespace: "plugged", role: "reader" };
    await kubectl.apply(scriptPod(site, pod, [`data:text/javascript,${requestLoop}`]));
    await kubectl.ready("plugged", "asking");
    const folder = mkdtempSync(join(tmpdir(), "rolecall-plugin-"));
    try {
      await calls(site, folder);
    } finally {
      rmSync(folder, { recursive: true });
      await kubectl.remove("namespace", "plugged", "--wait=false");
    }
  },
}];

async function calls(site: Site, folder: string): Promise<void> {
  const file = join(folder, "kubectl-rolecall");
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' run -A --quiet '${program}' "$@"\n`);
  chmodSync(file, 0o755);
  const env = plainEnv({
    KUBECONFIG: site.kubectl.kubeconfig,
    PATH: `${folder}:${process.env["PATH"]}`,
  });
  const rolecall = (...args: string[]): Promise<Outcome> =>
    run(["kubectl", "rolecall", ...args], { env, timeoutMs: 120_000 });
  const shown = async (code: number, text: RegExp, ...args: string[]): Promise<string> => {
    const outcome = await rolecall(...args);
    const output = outcome.stdout + outcome.stderr;
    assert.equal(outcome.code, code, `${args.join(" ")}\n${output}`);
    assert.match(output, text, args.join(" "));
    return outcome.stdout;
  };
  await until("a report of the agent", async () => {
    const { code, stdout } = await rolecall("explain", "pod/asking", "-n", "plugged");
    return code === 0 && stdout.includes("last request without a token");
  }, { within: 120_000 });
  const yaml = await shown(
    0,
    /^outcome: credentials$/m,
    "explain",
    "-n=plugged",
    "asking",
    "-oyaml",
  );
  assert.match(yaml, /^source: the server at deploy\/rolecall-server in namespace rolecall$/m);
  await shown(4, /no pod plugged\/none/, "explain", "pod/none", "-n", "plugged");
  await shown(1, /--context=none/, "status", "--context=none");
  await shown(0, /^Agents +(\d+) of \1 ready/m, "status");
  const status = JSON.parse(await shown(0, /"healthy": true/, "status", "-o", "json"));
  assert.ok(Date.parse(status.certificates.expiresAt) > Date.now());
  const unsafe = status.withoutToken.unsafe.map((one: { namespace: string }) => one.namespace);
  assert.ok(unsafe.includes("plugged"), JSON.stringify(status.withoutToken));
  await shown(0, /^rolecall .*\n.*: \d servers? .*, \d+ agents?/, "version");
  const issuedAt = async () => {
    const found = await shown(
      0,
      /"explanation"|"steps"/,
      "explain",
      "plugged/asking",
      "-o",
      "json",
    );
    const { steps } = JSON.parse(found);
    return steps.find(({ step }: { step: string }) => step === "credentials").found as string;
  };
  const before = await issuedAt();
  const policies = await shown(
    0,
    /The servers renew 1 session\./,
    ...["revoke", "pod/asking", "-n", "plugged", "--renew"],
  );
  assert.match(policies, /--role-name reader --policy-name rolecall-revoke-.*aws:TokenIssueTime/);
  await until("credentials from after that", async () => await issuedAt() !== before);
  const plan = await shown(
    0,
    /system:serviceaccount:plugged:reader/,
    ...["migrate", "generate", "--to=irsa", "-n", "plugged", "--output=json"],
    ...[`--role-base-arn=${roleArn("")}`],
  );
  assert.match(plan, /"workloads": \[\s+"asking"\s+\]/);
}
