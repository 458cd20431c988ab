/**
 * The agent's readiness probe: prints what the agent of this pod last reported; exits with 1 unless
 * it is `ok`. It runs every few seconds, so on Deno without `node:fs`, which takes longer to load
 * than all the rest.
 */
const path = "/run/rolecall-pod/readiness";

let said;
try {
  said = "Deno" in globalThis
    ? Deno.readTextFileSync(path)
    : (await import("node:fs")).readFileSync(path, "utf8");
} catch {
  said = "the agent hasn't said yet whether it is ready\n";
}
console.log(said.trimEnd());
const code = said === "ok\n" ? 0 : 1;
if ("Deno" in globalThis) Deno.exitCode = code;
else globalThis.process.exitCode = code;
