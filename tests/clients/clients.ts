/**
 * Real AWS clients as pods use them: how each is had from its registry, and the command that prints
 * what its default chain found. Who runs them and where is left to the system test.
 */
import { copyFileSync } from "node:fs";
import { basename, join } from "node:path";
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

function pythonScript(name: string, packages: string, script: string): Client {
  const path = join(here, "python", script);
  return inPython(name, packages, (bin) => [join(bin, "python"), path]);
}

function nodeScript(name: string, script: string, prints = accessKey): Client {
  const prepare = async (node: string) => {
    const inputs = ["package.json", "package-lock.json"].map((file) => join(here, "node", file));
    const folder = await cached("node-clients", inputs, "", async (target) => {
      for (const path of inputs) copyFileSync(path, join(target, basename(path)));
      const install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"];
      await must(install, { cwd: target, timeoutMs: 5 * minutes });
    });
    const env = { NODE_PATH: join(folder, "node_modules") };
    return { command: [node, "--no-warnings", join(here, "node", script)], env };
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

export const clients: readonly Client[] = [
  pythonScript("boto3 1.20 (2022)", "boto3_old", "boto3_chain.py"),
  pythonScript("aiobotocore 3", "aiobotocore", "aiobotocore_chain.py"),
  inPython(
    "awscli 1",
    "awscli",
    (bin) => [join(bin, "aws"), "configure", "list"],
    (found) => found.AccessKeyId.slice(-4),
  ),
  pythonScript("boto 2 (IMDSv1)", "boto2", "boto2.py"),
  pythonScript("minio-py", "minio", "minio_chain.py"),
  pythonScript("aws-crt", "awscrt", "awscrt_chain.py"),
  nodeScript("AWS SDK for JavaScript v3", "js_v3.cjs"),
  nodeScript("AWS SDK for JavaScript v2", "js_v2.cjs"),
  nodeScript("minio-js", "minio_js.cjs", (found) => found.SecretAccessKey),
  goClient("AWS SDK for Go v2", "v2"),
  goClient("AWS SDK for Go v1", "v1"),
  goClient("minio-go", "minio"),
];
