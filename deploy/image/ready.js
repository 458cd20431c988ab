/**
 * The agent's readiness probe: prints what the agent of this pod last reported; exits with 1 unless
 * it is `ok`.
 */
import { readFileSync } from "node:fs";
import process from "node:process";

try {
  const said = readFileSync("/run/rolecall-pod/readiness", "utf8");
  process.stdout.write(said);
  process.exitCode = said === "ok\n" ? 0 : 1;
} catch {
  process.stdout.write("the agent hasn't said yet whether it is ready\n");
  process.exitCode = 1;
}
