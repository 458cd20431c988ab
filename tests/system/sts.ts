/** moto's STS: it answers AssumeRole and knows afterwards whose credentials it gave. */
import { join } from "node:path";
import { fabricAddress } from "./network.ts";
import { plainEnv, Running } from "./programs.ts";
import { Hopeless, until } from "./until.ts";

const port = 5000;
export const stsUrl = `http://${fabricAddress}:${port}`;
/** The account that moto gives every caller. */
export const account = "123456789012";

/** Starts moto's server on the fabric. */
export async function startSts(bin: string, logs: string): Promise<Running> {
  const command = [join(bin, "moto_server"), "-H", fabricAddress, "-p", String(port)];
  const running = new Running("moto", command, join(logs, "moto.log"), plainEnv());
  await until("moto's STS", async () => {
    if (!running.alive) throw new Hopeless(running.log().slice(-1500));
    const answer = await fetch(`${stsUrl}/moto-api/data.json`);
    await answer.body?.cancel();
    return answer.ok;
  }, { within: 60_000, every: 100 });
  return running;
}
