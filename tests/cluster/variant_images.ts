/**
 * Rolecall's image in its other forms: on Node, and for the machine that this one isn't. Their base
 * images are stood in for by the runtimes alone, from npm.
 */
import { join } from "node:path";
import process from "node:process";
import { nodeBinary } from "../system/builds.ts";
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
  const nodeBase = dockerfileArgument("NODE_IMAGE");
  if (!await hasImage(nodeBase)) {
    await imageOf(nodeBase, [[await nodeBinary(), "/usr/local/bin/node"]]);
  }
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

/** The base image of this machine and one of the other with nothing but Deno, under one name. */
async function denoForBoth(): Promise<string> {
  const both = "localhost/rolecall-test/deno:both";
  const other = `localhost/rolecall-test/deno:${otherMachine.image}`;
  if (!await hasImage(other)) {
    const config = ["--os=linux", `--arch=${otherMachine.image}`];
    await imageOf(other, [[await otherDeno(), "/usr/bin/deno"]], config);
  }
  // The list is recreated each time: its images may have been replaced.
  await buildah(["manifest", "rm", both]).catch(() => {});
  await buildah(["manifest", "create", both]);
  for (const image of [dockerfileArgument("DENO_IMAGE"), other]) {
    await buildah(["manifest", "add", both, image]);
  }
  return both;
}

/** The newest of its minor version, which is the same for what is tried here. */
async function otherDeno(): Promise<string> {
  const [, minor] = /:debian-(\d+\.\d+)/.exec(dockerfileArgument("DENO_IMAGE")) ?? [];
  const name = `@deno/linux-${otherMachine.npm}-glibc`;
  const folder = await cached("deno-other", [], `${name}@${minor}`, async (target) => {
    const npm = ["npm", "install", "--force", "--no-save", "--no-audit", "--no-fund"];
    await must([...npm, "--ignore-scripts", "--prefix", target, `${name}@${minor}`], {
      timeoutMs: 5 * 60_000,
    });
  });
  return join(folder, "node_modules", name, "deno");
}
