/**
 * The images of the test: Rolecall's from its Dockerfile, the others of a single program each. Built by
 * buildah without a registry or a daemon; what takes long is kept between runs, see cache.ts.
 */
import { copyFileSync, existsSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cached, cacheRoot } from "../system/cache.ts";
import { must, plainEnv } from "../system/programs.ts";
import { stsUrl } from "../system/sts.ts";
import { buildah, buildRolecall, dockerfileArgument, hasImage, imageOf } from "./buildah.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));
const minutes = 60_000;

export const rolecallImage = "rolecall.test/rolecall:test";
export const toolsImage = "localhost/rolecall-test/tools:1";
export const clientsImage = "localhost/rolecall-test/clients:1";

/** The AWS CLI's, as pages name it; see aws_cli/main.go. */
export const awsCliImage = "public.ecr.aws/aws-cli/aws-cli:2.31.0";

/** Docker archives of all, for a node to import. */
export async function imageArchives(): Promise<string[]> {
  const tools = await toolsArchive();
  const clients = await clientsArchive();
  return [tools, clients, await awsCliArchive(), await rolecallArchive()];
}

/** Rolecall's own image, rebuilt when any of its inputs has changed. */
async function rolecallArchive(): Promise<string> {
  const folders = ["src", "deploy/image"].flatMap((folder) => filesBelow(join(root, folder)));
  const single = [
    "Dockerfile",
    ".dockerignore",
    "package.json",
    "deno.json",
    "deno.lock",
    "dev/cluster.yaml",
  ];
  const inputs = [...single.map((file) => join(root, file)), ...folders];
  const folder = await cached("image-rolecall", inputs, "", async (target) => {
    await baseImage();
    await buildRolecall(rolecallImage, ["--target=deno"]);
    await archive(rolecallImage, target);
  });
  return join(folder, "image.tar");
}

/** pause and CoreDNS. */
async function toolsArchive(): Promise<string> {
  const source = join(here, "tools");
  const program = await goProgram("tools", source);
  const folder = await cached("image-tools", [program], "", async (target) => {
    await imageOf(toolsImage, [[program, "/tools"]], entry("/tools", "pause"));
    await archive(toolsImage, target);
  });
  return join(folder, "image.tar");
}

/** The AWS SDKs for Go, as a pod would use them. */
async function clientsArchive(): Promise<string> {
  const program = await goProgram("clients", join(root, "tests/clients/go"));
  const folder = await cached("image-clients", [program], "", async (target) => {
    await imageOf(clientsImage, [[program, "/clients"]], entry("/clients", "v2"));
    await archive(clientsImage, target);
  });
  return join(folder, "image.tar");
}

/** Under both of its names, with moto as STS. */
async function awsCliArchive(): Promise<string> {
  const program = await goProgram("aws_cli", join(here, "aws_cli"));
  const folder = await cached("image-aws-cli", [program], awsCliImage + stsUrl, async (target) => {
    const files = ["aws", "sleep"].map((name) => [program, `/usr/bin/${name}`] as const);
    const env = ["PATH=/usr/bin", `AWS_ENDPOINT_URL_STS=${stsUrl}`, "AWS_REGION=eu-west-1"];
    const set = env.flatMap((one) => ["--env", one]);
    await imageOf(awsCliImage, files, [...set, ...entry("aws")]);
    await archive(awsCliImage, target);
  });
  return join(folder, "image.tar");
}

function entry(...words: readonly string[]): string[] {
  return ["--entrypoint", JSON.stringify(words)];
}

async function goProgram(name: string, source: string): Promise<string> {
  const inputs = ["go.mod", "go.sum", "main.go"].map((file) => join(source, file));
  const folder = await cached(`go-static-${name}`, inputs, "", async (target) => {
    const env = plainEnv({
      CGO_ENABLED: "0",
      GOTOOLCHAIN: "local",
      GOFLAGS: "-mod=readonly -trimpath -buildvcs=false",
    });
    const build = ["go", "build", "-ldflags", "-s -w", "-o", join(target, name), "."];
    await must(build, { cwd: source, env, timeoutMs: 20 * minutes });
  });
  return join(folder, name);
}

/**
 * The base image under the name that the Dockerfile has for it. Where it is in no reach, one like it
 * is made: Debian by debootstrap, and the Deno that runs this.
 */
export async function baseImage(): Promise<void> {
  const name = dockerfileArgument("DENO_IMAGE");
  if (await hasImage(name)) return;
  const folder = join(cacheRoot(), "base-image");
  rmSync(folder, { recursive: true, force: true });
  const debootstrap = ["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm"];
  await must([...debootstrap, folder], { timeoutMs: 10 * minutes });
  copyFileSync(realpathSync(process.execPath), join(folder, "usr/bin/deno"));
  copyFileSync(
    "/etc/ssl/certs/ca-certificates.crt",
    join(folder, "etc/ssl/certs/ca-certificates.crt"),
  );
  await imageOf(name, [[folder, "/"]]);
  rmSync(folder, { recursive: true });
}

async function archive(image: string, folder: string): Promise<void> {
  await buildah(["push", "-q", image, `docker-archive:${join(folder, "image.tar")}:${image}`]);
}

/** Every file of a folder but tests, in a fixed order. */
function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith("_test.ts"));
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}
