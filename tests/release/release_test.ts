/**
 * A fork that changed package.json alone releases to a registry on this machine, by the commands of
 * .github/workflows/release.yml.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { readProject } from "../../release/project.ts";
import { buildah } from "../cluster/buildah.ts";
import { baseImage } from "../cluster/images.ts";
import { denoForBoth, nodeForBoth } from "../cluster/variant_images.ts";
import { nodeBinary } from "../system/builds.ts";
import { retried } from "../system/cache.ts";
import { must, plainEnv, Running } from "../system/programs.ts";
import { until } from "../system/until.ts";
import { type Fork, makeFork, releaseSteps, runStep } from "./fork.ts";
import { kustomize } from "./render.ts";
import { signingBin } from "./tools.ts";

/** What only GitHub's machines can do, or has been done here already. */
const notHere = ["Install tools", "Install dependencies", "Log in to the registry", "Publish"];

const { version: current } = await readProject();
const folder = mkdtempSync(join(tmpdir(), "rolecall-release-test-"));
const dist = (name: string) => join(folder, "dist", name);
let registry: Running;
let fork: Fork;

before(async () => {
  const bin = await signingBin();
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  registry = new Running(
    "registry",
    [join(bin, "registry"), "-port", String(port)],
    join(folder, "registry.log"),
  );
  await until(
    "the registry answers",
    () => fetch(`http://${host}/v2/`).then(({ ok }) => ok, () => false),
  );
  await baseImage();
  const bases = { DENO_IMAGE: await denoForBoth(), NODE_IMAGE: await nodeForBoth() };
  const pushed: Record<string, string> = {};
  for (const [name, list] of Object.entries(bases)) {
    pushed[name] = `${host}/bases/${name.toLowerCase()}:1`;
    const options = ["--all", "--tls-verify=false"];
    await buildah(["manifest", "push", ...options, list, `docker://${pushed[name]}`]);
  }
  fork = makeFork(folder, host, {
    ...pushed,
    PATH: `${bin}:${plainEnv()["PATH"]}`,
    COSIGN_KEY: join(folder, "cosign.key"),
    COSIGN_PASSWORD: "",
  });
  const install = ["deno", "install", "--frozen", "--quiet"];
  const inFork = { cwd: fork.folder, env: fork.env, timeoutMs: 300_000 };
  await retried("dependencies", () => must(install, inFork));
  const keys = ["cosign", "generate-key-pair", `--output-key-prefix=${join(folder, "cosign")}`];
  await must(keys, { env: fork.env });
  for (const [name, command] of releaseSteps(fork)) {
    if (!notHere.includes(name)) await runStep(fork, command);
  }
});

after(async () => {
  await registry?.stop();
  // Their layers stay, for the next build.
  for (const name of fork === undefined ? [] : [`:${current}`, `:${current}-node`]) {
    await buildah(["manifest", "rm", fork.image + name]).catch(() => {});
  }
  rmSync(folder, { recursive: true });
});

interface Pushed {
  readonly target: string;
  readonly name: string;
  readonly digest: string;
}

const pushedImages = (): readonly Pushed[] => JSON.parse(readFileSync(dist("images.json"), "utf8"));

function inspect(...args: readonly string[]): Promise<string> {
  return must(["skopeo", "inspect", "--no-tags", ...args], { env: fork.env });
}

test("the workflow's steps are scripts of the repository, but for GitHub's own", () => {
  const steps = releaseSteps(fork);
  for (const name of notHere) assert.ok(steps.has(name), name);
  for (const [name, command] of steps) {
    if (!notHere.includes(name)) assert.match(command, /^deno run -A release\/[a-z]+\.ts\b/);
  }
});

test("both images are for both platforms, from pinned bases, and labelled", async () => {
  const head = (await must(["git", "rev-parse", "HEAD"], { cwd: fork.folder })).trim();
  const bases = JSON.parse(readFileSync(dist("bases.json"), "utf8"));
  assert.deepEqual(pushedImages().map(({ target, name }) => [target, name]), [
    ["deno", `${fork.image}:${current}`],
    ["node", `${fork.image}:${current}-node`],
  ]);
  for (const { target, name, digest } of pushedImages()) {
    const at = `docker://${fork.image}@${digest}`;
    const { manifests } = JSON.parse(await inspect("--raw", at));
    const platforms = manifests.map((one: { platform: { os: string; architecture: string } }) =>
      `${one.platform.os}/${one.platform.architecture}`
    );
    assert.deepEqual(platforms.toSorted(), ["linux/amd64", "linux/arm64"]);
    for (const architecture of ["amd64", "arm64"]) {
      const args = [`--override-arch=${architecture}`, "inspect", "--no-tags", "--config"];
      const { config } = JSON.parse(
        await must(["skopeo", ...args, `docker://${name}`], { env: fork.env }),
      );
      const label = (key: string) => config.Labels[`org.opencontainers.image.${key}`];
      assert.equal(label("title"), "rolecall");
      assert.equal(label("source"), fork.repository);
      assert.equal(label("version"), current);
      assert.equal(label("revision"), head);
      assert.match(label("created"), /^\d{4}-\d\d-\d\dT/);
      const base = bases[`${target.toUpperCase()}_IMAGE`];
      assert.equal(`${label("base.name")}@${label("base.digest")}`, base);
      assert.match(base, /@sha256:[0-9a-f]{64}$/);
    }
  }
});

test("every package of the lock file, and each base, is in the bill of materials", () => {
  const { components } = JSON.parse(readFileSync(dist("sbom.cdx.json"), "utf8"));
  const listed = new Set(
    components.map(({ name, version }: Record<string, string>) => `${name}@${version}`),
  );
  const { packages } = JSON.parse(readFileSync(join(fork.folder, "package-lock.json"), "utf8"));
  const locked = Object.entries<{ version: string }>(packages).filter(([path]) => path !== "");
  assert.ok(locked.length > 100);
  for (const [path, { version }] of locked) {
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    assert.ok(listed.has(`${name}@${version}`), `${name}@${version}`);
  }
  const bases = JSON.parse(readFileSync(dist("bases.json"), "utf8"));
  for (const base of Object.values<string>(bases)) {
    assert.ok(components.some((one: Record<string, string>) => one["bom-ref"] === base), base);
  }
});

test("each image is signed, with its bill of materials and its provenance", async () => {
  const by = [`--key=${join(folder, "cosign.pub")}`, "--insecure-ignore-tlog=true"];
  for (const { digest } of pushedImages()) {
    const image = `${fork.image}@${digest}`;
    await must(["cosign", "verify", ...by, image], { env: fork.env });
    for (const type of ["cyclonedx", "slsaprovenance1"]) {
      const verify = ["cosign", "verify-attestation", ...by, `--type=${type}`, image];
      const { payload } = JSON.parse(await must(verify, { env: fork.env }));
      const { subject } = JSON.parse(atob(payload));
      assert.equal(`sha256:${subject[0].digest.sha256}`, digest);
    }
  }
});

test("the manifests name the image by tag and digest, and the fork's own address alone", async () => {
  await must(["tar", "-xzf", dist(`rolecall-manifests-${current}.tar.gz`), "-C", folder]);
  const kustomizeFolder = join(folder, `rolecall-manifests-${current}/kustomize`);
  const { digest } = pushedImages().find(({ target }) => target === "deno")!;
  const overlays = readdirSync(join(kustomizeFolder, "overlays"));
  assert.ok(overlays.length > 3);
  for (const overlay of overlays) {
    const objects = await kustomize(join(kustomizeFolder, "overlays", overlay));
    const containers = objects.flatMap((object) => {
      const { containers = [], initContainers = [] } = object["spec"]?.template?.spec ?? {};
      return [...containers, ...initContainers];
    });
    assert.ok(containers.length > 0, overlay);
    for (const { image } of containers) assert.equal(image, `${fork.image}:${current}@${digest}`);
  }
  const operator = join(folder, "operator");
  mkdirSync(operator);
  writeFileSync(
    join(operator, "kustomization.yaml"),
    JSON.stringify({
      resources: [`../rolecall-manifests-${current}/kustomize/base`],
      components: [`../rolecall-manifests-${current}/kustomize/components/prometheus-operator`],
    }),
  );
  assert.ok((await kustomize(operator)).some(({ kind }) => kind === "PrometheusRule"));
  const grep = ["grep", "-rlE", "(repository\\.example|registry\\.example\\.com)/"];
  assert.equal(
    (await must([...grep, join(folder, `rolecall-manifests-${current}`)]).catch(() => "")).trim(),
    "",
  );
  const rules = readFileSync(
    join(folder, `rolecall-manifests-${current}/monitoring/rules.yaml`),
    "utf8",
  );
  const page = `${fork.repository}/blob/v${current}/docs/operations.md`;
  assert.ok(rules.includes(`runbook_url: ${page}#`));
});

test("the chart's values name the image by digest", async () => {
  await must(["tar", "-xzf", dist(`rolecall-${current}.tgz`), "-C", folder]);
  const { image } = parse(readFileSync(join(folder, "rolecall/values.yaml"), "utf8"));
  const { digest } = pushedImages().find(({ target }) => target === "deno")!;
  assert.deepEqual(image, { repository: fork.image, tag: "", digest });
});

test("krew finds the kubectl plugin as its manifest says, and it runs on Node", async () => {
  const plugin = parse(readFileSync(dist("rolecall.yaml"), "utf8"));
  assert.deepEqual(Object.keys(plugin).toSorted(), ["apiVersion", "kind", "metadata", "spec"]);
  assert.equal(plugin.kind, "Plugin");
  assert.equal(plugin.metadata.name, "rolecall");
  const { version, homepage, shortDescription, platforms } = plugin.spec;
  assert.equal(version, `v${current}`);
  assert.equal(homepage, fork.repository);
  assert.ok(shortDescription.length <= 50 && !shortDescription.endsWith("."));
  const [{ uri, sha256, bin, files, selector }] = platforms;
  assert.ok(selector.matchExpressions.length > 0);
  const archive = `rolecall-plugin-${current}.tar.gz`;
  assert.equal(uri, `${fork.repository}/releases/download/v${current}/${archive}`);
  const bytes = readFileSync(dist(archive));
  assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256);
  assert.deepEqual(files, [{ from: "rolecall/*", to: "." }]);
  mkdirSync(join(folder, "krew"));
  await must(["tar", "-xzf", dist(archive), "-C", join(folder, "krew")]);
  const said = await must([await nodeBinary(), join(folder, "krew/rolecall", bin), "version"]);
  assert.ok(said.startsWith(`rolecall ${current} (node `), said);
});

test("the notes are the changelog's section of this version", () => {
  const notes = readFileSync(dist("notes.md"), "utf8");
  assert.match(notes, /^### Added\n/);
  assert.doesNotMatch(notes, /^## /m);
});

/** Nothing listens on it now. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
