/**
 * Rolecall's image in its other forms: on Node, and for the machine that this one isn't. Their base
 * images are stood in for by the runtimes alone, from npm.
 */
import { join } from "node:path";
import process from "node:process";
import { nodeBinary, nodeVersion } from "../system/builds.ts";
import { cached } from "../system/cache.ts";
import { must } from "../system/programs.ts";
import { buildah, buildRolecall, dockerfileArgument, hasImage, imageOf } from "./buildah.ts";

interface Machine {
  /** As images name it, and npm's packages. */
  readonly image: "amd64" | "arm64";
  readonly npm: "x64" | "arm64";
  /** `e_machine` of its programs' files. */
  readonly elf: number;
}

const amd64: Machine = { image: "amd64", npm: "x64", elf: 62 };
const arm64: Machine = { image: "arm64", npm: "arm64", elf: 183 };
const here = process.arch === "arm64" ? arm64 : amd64;
export const otherMachine = here === arm64 ? amd64 : arm64;

export const nodeImage = "rolecall.test/rolecall:node";
export const otherMachineImage = `rolecall.test/rolecall:${otherMachine.image}`;

/** Takes a moment when nothing has changed: each layer is kept. */
export async function variantImages(): Promise<void> {
  await nodeBase();
  await buildRolecall(nodeImage, ["--target=node"]);
  const platforms = {
    BUILDPLATFORM: `linux/${here.image}`,
    TARGETPLATFORM: `linux/${otherMachine.image}`,
    DENO_IMAGE: await denoForBoth(),
  };
  const given = Object.entries(platforms).map(([name, value]) => `--build-arg=${name}=${value}`);
  const platform = `--platform=${platforms.TARGETPLATFORM}`;
  await buildRolecall(otherMachineImage, ["--target=deno", platform, ...given]);
}

/** Under the name that the Dockerfile has for it. */
async function nodeBase(): Promise<void> {
  const name = dockerfileArgument("NODE_IMAGE");
  if (await hasImage(name)) return;
  await imageOf(name, [[await nodeBinary(), "/usr/local/bin/node"]]);
}

/** Deno's base image for both machines; of the other's it has nothing but Deno. */
export async function denoForBoth(): Promise<string> {
  const [, minor] = /:debian-(\d+\.\d+)/.exec(dockerfileArgument("DENO_IMAGE")) ?? [];
  const folder = `@deno/linux-${otherMachine.npm}-glibc`;
  // The newest of its minor version, which is the same for what is tried here.
  return await forBoth("deno", "DENO_IMAGE", async () => [
    join(await npmPackage(`${folder}@${minor}`), folder, "deno"),
    "/usr/bin/deno",
  ]);
}

/** Node's, of which nothing but Node is used on either. */
export async function nodeForBoth(): Promise<string> {
  await nodeBase();
  const folder = `node-linux-${otherMachine.npm}`;
  return await forBoth("node", "NODE_IMAGE", async () => [
    join(await npmPackage(`${folder}@${nodeVersion}`), folder, "bin/node"),
    "/usr/local/bin/node",
  ]);
}

/** The Dockerfile's base for this machine and a file alone for the other, under one name. */
async function forBoth(
  runtime: string,
  argument: string,
  otherFile: () => Promise<readonly [string, string]>,
): Promise<string> {
  const both = `localhost/rolecall-test/${runtime}:both`;
  const other = `localhost/rolecall-test/${runtime}:${otherMachine.image}`;
  if (!await hasImage(other)) {
    await imageOf(other, [await otherFile()], ["--os=linux", `--arch=${otherMachine.image}`]);
  }
  // The list is recreated each time: its images may have been replaced.
  await buildah(["manifest", "rm", both]).catch(() => {});
  await buildah(["manifest", "create", both]);
  for (const image of [dockerfileArgument(argument), other]) {
    await buildah(["manifest", "add", both, image]);
  }
  return both;
}

/** A package for the other machine: the folder that has it in its own. */
async function npmPackage(name: string): Promise<string> {
  const folder = await cached("npm-other", [], name, async (target) => {
    const npm = ["npm", "install", "--force", "--no-save", "--no-audit", "--no-fund"];
    await must([...npm, "--ignore-scripts", "--prefix", target, name], { timeoutMs: 5 * 60_000 });
  });
  return join(folder, "node_modules");
}
