/** A script in a separate process, on the runtime that runs the tests, with its output lines. */
import { type ChildProcess, spawn } from "node:child_process";
import { execPath, versions } from "node:process";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

const runtimeArgs = versions["deno"] === undefined ? ["--no-warnings"] : ["run", "-A", "--quiet"];

interface Child {
  readonly process: ChildProcess;
  /** The next line that it writes; undefined once it has ended. */
  nextLine(): Promise<string | undefined>;
}

/** `files` is its limit of open files; "max" takes all that the system lets it have. */
export function startChild(
  t: TestContext,
  script: string,
  args: readonly string[],
  { files, stdin = "" }: { readonly files: number | "max"; readonly stdin?: string },
): Child {
  const path = new URL(script, import.meta.url).pathname;
  const limit = files === "max" ? '"$(ulimit -H -n)"' : String(files);
  const command = `ulimit -n ${limit}; exec "$0" "$@"`;
  const child = spawn("sh", ["-c", command, execPath, ...runtimeArgs, path, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => void child.kill("SIGKILL"));
  child.stdin.end(stdin);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { process: child, nextLine: async () => (await lines.next()).value };
}
