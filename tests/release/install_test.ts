/** `deno task install:cluster` with fake programs that record their arguments. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { plainEnv, run } from "../system/programs.ts";
import { objectsIn } from "./render.ts";

const script = fileURLToPath(new URL("../../release/install.ts", import.meta.url));

interface Installed {
  readonly code: number;
  readonly said: string;
  /** How the programs were called, in order; TAG, FOLDER and ARCHIVE differ each time. */
  readonly calls: readonly string[];
  /** What kubectl was given to apply. */
  readonly images: ReadonlySet<string>;
  readonly tag: string;
}

async function install(context: string, ...args: readonly string[]): Promise<Installed> {
  const folder = mkdtempSync(join(tmpdir(), "rolecall-install-test-"));
  const file = (name: string) => join(folder, name);
  const { stdout } = await run(["bash", "-c", "command -v kubectl"]);
  const record = `echo "$(basename $0) $*" >> ${file("calls")}`;
  for (const program of ["docker", "podman", "kind", "k3d"]) {
    writeFileSync(file(program), `#!/bin/sh\n${record}\n`);
    chmodSync(file(program), 0o755);
  }
  writeFileSync(
    file("kubectl"),
    `#!/bin/sh
if [ "$1" = config ]; then echo ${context}; exit; fi
${record}
[ "$1" != apply ] || ${stdout.trim()} kustomize "$3" > ${file("applied.yaml")}
`,
  );
  chmodSync(file("kubectl"), 0o755);
  mkdirSync(file("deeper/than/the/link"), { recursive: true });
  symlinkSync(file("deeper/than/the/link"), file("temporary"));
  try {
    const outcome = await run([process.execPath, "run", "-A", script, ...args], {
      // Behind a symbolic link, as on macOS.
      env: plainEnv({ PATH: `${folder}:${plainEnv()["PATH"]}`, TMPDIR: file("temporary") }),
    });
    const calls = existsSync(file("calls")) ? readFileSync(file("calls"), "utf8") : "";
    const [, tag = "none"] = /:(\d+\.\d+\.\d+-\S+)/.exec(calls) ?? [];
    return {
      code: outcome.code,
      said: outcome.stdout + outcome.stderr,
      calls: calls.trimEnd().replaceAll(tag, "TAG").replace(/-k \S+/, "-k FOLDER")
        .replaceAll(/\S+\/image\.tar/g, "ARCHIVE").split("\n"),
      images: imagesIn(
        existsSync(file("applied.yaml")) ? readFileSync(file("applied.yaml"), "utf8") : "",
      ),
      tag,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function imagesIn(yaml: string): ReadonlySet<string> {
  return new Set(
    objectsIn(yaml).flatMap((object) => {
      const { containers = [], initContainers = [] } = object["spec"]?.template?.spec ?? {};
      return [...containers, ...initContainers].map(({ image }) => image);
    }),
  );
}

const applied = [
  "kubectl apply -k FOLDER",
  "kubectl rollout status -n rolecall deployment/rolecall-server --timeout=180s",
  "kubectl rollout status -n rolecall daemonset/rolecall-agent --timeout=180s",
];

// context, flags, the program that builds, what loads the archive
const loaded = [
  ["kind-trial", [], "docker", "kind load image-archive ARCHIVE --name trial"],
  [
    "k3d-x",
    ["--builder=podman", "--overlay=kubeadm"],
    "podman",
    "k3d image import ARCHIVE --cluster x",
  ],
] as const;

for (const [context, flags, builder, load] of loaded) {
  test(`on ${context} ${flags.join(" ")}: built, loaded into its nodes, applied`, async () => {
    const { code, said, calls, images, tag } = await install(context, ...flags);
    assert.equal(code, 0, said);
    assert.deepEqual(calls, [
      `${builder} build --tag localhost/rolecall:TAG .`,
      `${builder} save --output ARCHIVE localhost/rolecall:TAG`,
      load,
      ...applied,
    ]);
    assert.deepEqual([...images], [`localhost/rolecall:${tag}`]);
  });
}

test("anywhere else: pushed to where nodes pull from", async () => {
  const { code, said, calls, images, tag } = await install("prod", "--push=r.test/me/rolecall");
  assert.equal(code, 0, said);
  assert.deepEqual(calls, [
    "docker build --tag r.test/me/rolecall:TAG .",
    "docker push r.test/me/rolecall:TAG",
    ...applied,
  ]);
  assert.deepEqual([...images], [`r.test/me/rolecall:${tag}`]);
});

test("--help: prints the flags, and runs nothing", async () => {
  const { code, said, calls } = await install("prod", "--help");
  assert.deepEqual([code, calls], [0, [""]]);
  assert.match(said, /^usage: deno task install:cluster \[flags\]\n {2}--overlay=NAME/);
});

for (
  const [args, complaint] of [
    [[], /--push is missing: nodes of the context "prod" can't be loaded/],
    [["--push="], /--push is missing/],
    [["--overlay=gke"], /--overlay: "gke" is neither a folder .* nor dev, eks, kops/],
    [["--pusch=x"], /pusch[\s\S]*usage: deno task install:cluster/],
  ] as const
) {
  test(`elsewhere with ${args.join(" ") || "nothing"}: refused before anything is built`, async () => {
    const { code, said, calls } = await install("prod", ...args);
    assert.equal(code, 2);
    assert.match(said, complaint);
    assert.deepEqual(calls, [""]);
  });
}

test("without a program that it needs, or without a context: one line, no stack", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rolecall-install-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const start = () =>
    run([process.execPath, "run", "-A", script], { env: plainEnv({ PATH: folder }) });
  const missing = await start();
  assert.equal(missing.code, 2);
  assert.equal(missing.stderr, "install:cluster: kubectl: not found; install it\n");
  writeFileSync(
    join(folder, "kubectl"),
    "#!/bin/sh\necho 'error: current-context is not set' >&2\nexit 1\n",
    { mode: 0o755 },
  );
  const { code, stderr } = await start();
  assert.equal(code, 2);
  assert.equal(
    stderr,
    "error: current-context is not set\ninstall:cluster: kubectl config current-context: failed\n",
  );
});
