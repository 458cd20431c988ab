/** What failure scenarios observe: a served pod that sends requests throughout, and the watch age. */
import { page } from "../rolecall.ts";
import { serverOrigin, type Stage } from "../stage.ts";
import { until } from "../until.ts";

const readerPath = "/latest/meta-data/iam/security-credentials/reader";

/** A pod that has its credentials, and a loop of requests for them; its end gives the failures. */
export async function servedPod(
  stage: Stage,
  namespace: string,
  name: string,
): Promise<() => Promise<string[]>> {
  const annotations = { "iam.amazonaws.com/role": "reader" };
  const pod = await stage.pod({ namespace, name, annotations });
  await until("credentials", async () => (await pod.credentials("reader")).status === 200);
  const end = pod.loop(readerPath);
  return async () => Object.keys(await end()).filter((answer) => !answer.startsWith("200 "));
}

/** The first server follows the API again, however long its backoff has become. */
export async function untilWatching(): Promise<void> {
  await until("its watch", async () => await watchAgeSeconds() < 5, { within: 120_000 });
}

/** Of the first server's watches, the one that has been silent for longest. */
export async function watchAgeSeconds(): Promise<number> {
  const { text } = await page(`${serverOrigin}/metrics`);
  const ages = text.matchAll(/^rolecall_server_watch_age_seconds\{.*\} (\S+)$/gm);
  return Math.max(...[...ages].map(([, age]) => Number(age)));
}
