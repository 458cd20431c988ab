/** What the AWS SDK finds with the permissions that this was started with: prints problems as JSON. */
import process from "node:process";
import { createSts } from "../../src/aws/sts.ts";
import { createRuntime } from "../../src/runtime/process.ts";
import { systemClock } from "../../src/time/system_clock.ts";

const runtime = createRuntime();
const unset = await createSts({ clock: systemClock, runtime }).configurationProblems();
const sts = createSts({ clock: systemClock, runtime, region: "eu-west-1" });
const identity = await sts.callerIdentity().then(String, (fault: Error) => fault.message);
process.stdout.write(JSON.stringify({ unset, identity }) + "\n");
await sts.close();
