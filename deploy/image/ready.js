/** The agent's readiness probe: what the agent of this very pod last said of itself, and 1 unless `ok`. */
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
