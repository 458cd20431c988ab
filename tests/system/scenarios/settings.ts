/** What a start with wrong settings prints, and its exit code. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type Outcome, plainEnv, run } from "../programs.ts";
import type { Scenario } from "../report.ts";
import { serverKubeconfig, type Stage } from "../stage.ts";

function start(
  stage: Stage,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return run([...stage.runtime, ...args], { env: plainEnv(env) });
}

/** One line a problem, each with the flag and the value. */
function complaints(outcome: Outcome, wanted: readonly RegExp[]): void {
  assert.equal(outcome.code, 2, outcome.stderr);
  for (const words of wanted) assert.match(outcome.stderr, words);
  assert.doesNotMatch(outcome.stderr, /\bat file:|\.ts:\d+/, "no stack trace");
}

export const settings: readonly Scenario<Stage>[] = [
  {
    name: "an unknown flag: exit code 2, and its name",
    run: async (stage) => {
      complaints(await start(stage, ["agent", "--metdata-url=http://x"]), [/--metdata-url/]);
      complaints(await start(stage, ["server", "--no-such"]), [/--no-such/]);
    },
  },
  {
    name: "several wrong settings: exit code 2, and all of them listed",
    run: async (stage) => {
      const flags = ["--session-duration=3 weeks", "--sts-rate=fast", "--listen=nowhere"];
      const wanted = [/--session-duration.*3 weeks/, /--sts-rate.*fast/, /--listen.*nowhere/];
      complaints(await start(stage, ["server", ...flags]), wanted);
    },
  },
  {
    name: "a wrong variable is reported like its flag; unrelated variables are ignored",
    run: async (stage) => {
      const env = {
        ROLECALL_DISCONNECTED_GRACE: "soon",
        ROLECALL_SERVER_PORT: "tcp://10.0.0.1:8443",
      };
      const outcome = await start(stage, ["agent", "--host-ip=127.0.0.1"], env);
      complaints(outcome, [/(ROLECALL_DISCONNECTED_GRACE|--disconnected-grace).*soon/]);
      assert.doesNotMatch(outcome.stderr, /ROLECALL_SERVER_PORT/);
    },
  },
  {
    name: "an unknown command: exit code 2",
    run: async (stage) => complaints(await start(stage, ["agnet"]), [/agnet/]),
  },
  {
    name: "a port in use: exit code 1, with flag, address and remedy",
    run: async (stage) => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
      const { port } = taken.address() as { port: number };
      const outcome = await start(stage, [
        "server",
        `--listen=127.0.0.1:${port}`,
        "--admin-listen=127.0.0.1:0",
        "--status-listen=127.0.0.1:0",
        `--kubeconfig=${serverKubeconfig(stage.folders)}`,
        "--region=eu-west-1",
      ], { POD_NAMESPACE: "rolecall", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
      taken.close();
      assert.equal(outcome.code, 1, outcome.stderr + outcome.stdout);
      const received = new RegExp(
        `--listen 127\\.0\\.0\\.1:${port}: the port is taken; .*another port`,
      );
      assert.match(outcome.stderr + outcome.stdout, received);
    },
  },
];
