/**
 * Real AWS clients as pods use them: how each is had from its registry, and the command that prints
 * what its default chain found. Who runs them and where is left to the system test.
 */
import { copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cached } from "../system/cache.ts";
import { pythonBin } from "../system/builds.ts";
import { must, plainEnv } from "../system/programs.ts";

/** What of the credentials document the tests read. */
export interface Found {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
}

export interface Client {
  readonly name: string;
  /** The part of it that the client prints. */
  readonly prints: (found: Found) => string;
  /**
   * How long credentials live that it renews some 16 s after it got them; absent where it keeps no
   * credentials, or renews them by another measure.
   */
  readonly renewsLifeSeconds?: number;
  /** Makes what it needs, once, and yields its command and environment. */
  readonly prepare: (node: string) => Promise<ClientCommand>;
}

export interface ClientCommand {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const here = fileURLToPath(new URL(".", import.meta.url));
const minutes = 60_000;
const accessKey = (found: Found) => found.AccessKeyId;

function inPython(
  name: string,
  packages: string,
  args: (bin: string) => readonly string[],
  prints = accessKey,
): Client {
  const prepare = async () => {
    const bin = await pythonBin(packages, join(here, "python", `${packages}.txt`));
    return { command: args(bin) };
  };
  return { name, prints, prepare };
}

function pythonScript(name: string, packages: string, script: string, ...args: string[]): Client {
  const path = join(here, "python", script);
  return inPython(name, packages, (bin) => [join(bin, "python"), "-B", path, ...args]);
}

/** `windowSeconds` before their end the client renews its credentials. */
function renewing(windowSeconds: number, client: Client): Client {
  return { ...client, renewsLifeSeconds: windowSeconds + 16 };
}

type Command = (node: string, script: string) => readonly string[];
const onNode: Command = (node, script) => [node, "--no-warnings", script];
const onDeno: Command = (_node, script) => {
  return [process.execPath, "run", "-A", "--quiet", "--no-lock", script];
};

/** The script is run beside its packages, where both runtimes find them. */
function jsScript(name: string, script: string, command = onNode, prints = accessKey): Client {
  const prepare = async (node: string) => {
    const inputs = ["package.json", "package-lock.json"].map((file) => join(here, "node", file));
    const folder = await cached("node-clients", inputs, "", async (target) => {
      for (const path of inputs) copyFileSync(path, join(target, basename(path)));
      const install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"];
      await must(install, { cwd: target, timeoutMs: 5 * minutes });
    });
    for (const file of [script, "until_renewed.cjs"]) {
      copyFileSync(join(here, "node", file), join(folder, file));
    }
    return { command: command(node, join(folder, script)) };
  };
  return { name, prints, prepare };
}

function goClient(name: string, chain: string): Client {
  const prepare = async () => {
    const source = join(here, "go");
    const inputs = ["go.mod", "go.sum", "main.go"].map((file) => join(source, file));
    const folder = await cached("go-clients", inputs, "", async (target) => {
      const env = plainEnv({ CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly" });
      const build = ["go", "build", "-o", join(target, "clients"), "."];
      await must(build, { cwd: source, env, timeoutMs: 10 * minutes });
    });
    return { command: [join(folder, "clients"), chain] };
  };
  return { name, prints: accessKey, prepare };
}

const boto3Renews = { renewsLifeSeconds: 3600 };
const fiveMinutes = 300;

export const clients: readonly Client[] = [
  { ...pythonScript("boto3", "boto3", "boto3_chain.py"), ...boto3Renews },
  { ...pythonScript("boto3 1.20 (2022)", "boto3_old", "boto3_chain.py"), ...boto3Renews },
  pythonScript("aiobotocore 3", "aiobotocore", "aiobotocore_chain.py"),
  inPython(
    "awscli 1",
    "awscli",
    (bin) => [join(bin, "aws"), "configure", "list"],
    (found) => found.AccessKeyId.slice(-4),
  ),
  pythonScript("boto 2 (IMDSv1)", "boto2", "boto2.py"),
  renewing(10, pythonScript("minio-py", "minio", "minio_chain.py")),
  renewing(fiveMinutes, pythonScript("aws-crt", "awscrt", "awscrt_chain.py")),
  pythonScript("AWS SDK for C++ (pyarrow)", "pyarrow", "s3_chain.py", "pyarrow"),
  renewing(
    fiveMinutes,
    pythonScript("object_store for Rust (obstore)", "obstore", "s3_chain.py", "obstore"),
  ),
  renewing(120, pythonScript("reqsign for Rust (opendal)", "opendal", "s3_chain.py", "opendal")),
  renewing(fiveMinutes, jsScript("AWS SDK for JavaScript v3", "js_v3.cjs")),
  renewing(fiveMinutes, jsScript("AWS SDK for JavaScript v3 on Deno", "js_v3.cjs", onDeno)),
  renewing(15, jsScript("AWS SDK for JavaScript v2", "js_v2.cjs")),
  renewing(10, jsScript("minio-js", "minio_js.cjs", onNode, (found) => found.SecretAccessKey)),
  // Five minutes before their end, but at their end where there was less than a quarter of an hour.
  renewing(0, goClient("AWS SDK for Go v2", "v2")),
  renewing(fiveMinutes, goClient("AWS SDK for Go v1", "v1")),
  // Once four fifths of their life are gone.
  { ...goClient("minio-go", "minio"), renewsLifeSeconds: 20 },
];
