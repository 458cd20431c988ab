/** Processes that are stopped, not ended: their sockets stay open and nothing comes out of them. */
import assert from "node:assert/strict";
import process from "node:process";
import type { Running } from "../programs.ts";
import type { Scenario } from "../report.ts";
import { untilReady } from "../rolecall.ts";
import { serverOrigin, type Stage } from "../stage.ts";
import { until } from "../until.ts";
import { servedPod, untilWatching, watchAgeSeconds } from "./served.ts";

const role = "iam.amazonaws.com/role";

/** Stops the process for as long as `meanwhile` takes. */
async function stopped(running: Running, meanwhile: () => Promise<void>): Promise<void> {
  process.kill(running.pid, "SIGSTOP");
  try {
    await meanwhile();
  } finally {
    process.kill(running.pid, "SIGCONT");
  }
}

export const stoppedProcesses: readonly Scenario<Stage>[] = [
  {
    name: "one of two servers is stopped under load: agents switch to the other, no request fails",
    run: async (stage) => {
      await stage.namespace("stopped", ".*");
      await stage.withSecondServer("server-beside", async () => {
        const failures = await servedPod(stage, "stopped", "steady");
        await stopped(stage.server, async () => {
          const annotations = { [role]: "reader" };
          const next = await stage.pod({ namespace: "stopped", name: "next", annotations });
          const served = async () => (await next.credentials("reader")).status === 200;
          await until("a new pod served by the other", served);
        });
        assert.deepEqual(await failures(), []);
        await untilReady(stage.server, serverOrigin);
        await untilWatching();
      });
    },
  },
  {
    name: "the API server is stopped: the watch age shows it, and served pods are still served",
    run: async (stage) => {
      const failures = await servedPod(stage, "stopped", "beside-api");
      stage.control.stopApi();
      try {
        const stale = async () => await watchAgeSeconds() > 15;
        await until("a watch older than what counts as fresh", stale);
        assert.deepEqual(await failures(), []);
      } finally {
        stage.control.continueApi();
      }
      await untilReady(stage.server, serverOrigin);
      await untilWatching();
      const late = await servedPod(stage, "stopped", "after-api");
      assert.deepEqual(await late(), []);
    },
  },
  {
    name:
      "STS is stopped, so it hangs: what is valid is served, new roles wait and then get theirs",
    run: async (stage) => {
      const failures = await servedPod(stage, "stopped", "beside-sts");
      const name = "hanging";
      const annotations = { [role]: "hanging" };
      await stopped(stage.sts, async () => {
        const next = await stage.pod({ namespace: "stopped", name, annotations });
        // Each of these waits for 0.9 s; the pod beside it is served all the while.
        for (let attempt = 0; attempt < 3; attempt++) {
          const answer = await next.credentials("hanging");
          assert.equal(answer.status, 503, answer.body);
        }
        assert.deepEqual(await failures(), []);
      });
      const after = await stage.pod({ namespace: "stopped", name: "after", annotations });
      const served = async () => (await after.credentials("hanging")).status === 200;
      await until("the new role's credentials", served);
    },
  },
];
