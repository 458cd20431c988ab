/**
 * Fetches the clients of each language from its registry, once, and builds the command that runs
 * one. `clients.ts` lists the clients.
 */
import { copyFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cached } from "../system/cache.ts";
import { pythonBin } from "../system/builds.ts";
import { must, plainEnv } from "../system/programs.ts";
import { python } from "../system/requirements.ts";

/** What of the credentials document the tests read. */
interface PodLookup {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
}

export interface Client {
  readonly name: string;
  /** The part of it that the client prints. */
  readonly prints: (found: PodLookup) => string;
  /**
   * How long credentials live that it renews in less than half a minute, or once it has been made to look
   * older; absent where it keeps none.
   */
  readonly renewsLifeSeconds?: number;
  /** Makes what it needs, once, and yields its command and environment. */
  readonly prepare: (node: string) => Promise<ClientCommand>;
}

interface ClientCommand {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const here = fileURLToPath(new URL(".", import.meta.url));
const minutes = 60_000;
const accessKey = (found: PodLookup) => found.AccessKeyId;

export function inPython(
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

/** A script that needs no package from the registry. */
export function plainPython(name: string, script: string, ...args: string[]): Client {
  const command = [python(), "-B", join(here, "python", script), ...args];
  return { name, prints: accessKey, prepare: () => Promise.resolve({ command }) };
}

export function pythonScript(
  name: string,
  packages: string,
  script: string,
  ...args: string[]
): Client {
  const path = join(here, "python", script);
  return inPython(name, packages, (bin) => [join(bin, "python"), "-B", path, ...args]);
}

type Command = (node: string, script: string) => readonly string[];
export const onNode: Command = (node, script) => [node, "--no-warnings", script];
export const onDeno: Command = (_node, script) => {
  return [process.execPath, "run", "-A", "--quiet", "--no-lock", script];
};

const scripts = ["js_v2.cjs", "js_v3.cjs", "minio_js.cjs", "until_renewed.cjs"];

/** The script is run beside its packages, where both runtimes find them. */
export function jsScript(
  name: string,
  script: string,
  command = onNode,
  prints = accessKey,
): Client {
  const prepare = async (node: string) => {
    const files = ["package.json", "package-lock.json", ...scripts];
    const inputs = files.map((file) => join(here, "node", file));
    const folder = await cached("node-clients", inputs, "", async (target) => {
      for (const path of inputs) copyFileSync(path, join(target, basename(path)));
      const install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"];
      await must(install, { cwd: target, timeoutMs: 5 * minutes });
    });
    return { command: command(node, join(folder, script)) };
  };
  return { name, prints, prepare };
}

export function goClient(name: string, chain: string): Client {
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

export function javaClient(name: string, chain: string): Client {
  const prepare = async () => {
    const source = join(here, "java");
    const inputs = ["pom.xml", "Clients.java"].map((file) => join(source, file));
    const folder = await cached("java-clients", inputs, "", async (target) => {
      const repository = join(target, "repository");
      const mvn = ["mvn", "--batch-mode", "--quiet", `-Dmaven.repo.local=${repository}`];
      const plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";
      const copy = [`${plugin}:copy-dependencies`, `-DoutputDirectory=${join(target, "jars")}`];
      await must([...mvn, ...copy], { cwd: source, timeoutMs: 5 * minutes });
      rmSync(repository, { recursive: true });
      const javac = ["javac", "-cp", join(target, "jars/*"), "-d", target, "Clients.java"];
      await must(javac, { cwd: source, timeoutMs: minutes });
    });
    // A small heap and one thread of the compiler: several run at once.
    const java = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
    return { command: [...java, "-cp", `${folder}:${folder}/jars/*`, "Clients", chain] };
  };
  return { name, prints: accessKey, prepare };
}

export function rustClient(name: string): Client {
  const prepare = async () => {
    const source = join(here, "rust");
    const inputs = ["Cargo.toml", "Cargo.lock", "src/main.rs"].map((file) => join(source, file));
    const folder = await cached("rust-clients", inputs, "", async (target) => {
      const built = join(target, "build");
      const build = ["cargo", "build", "--quiet", "--locked", "--target-dir", built];
      await must(build, { cwd: source, timeoutMs: 15 * minutes });
      renameSync(join(built, "debug/clients"), join(target, "clients"));
      rmSync(built, { recursive: true });
    });
    return { command: [join(folder, "clients")] };
  };
  return { name, prints: accessKey, prepare };
}
