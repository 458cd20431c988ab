/**
 * Makes the real parts that the test runs against: Kubernetes from its Go modules, moto and boto3
 * from PyPI, Node from npm. Each is made once and kept; see cache.ts.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached } from "./cache.ts";
import { must, plainEnv } from "./programs.ts";
import { python } from "./requirements.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const minutes = 60_000;

/** The multi-call `kube` binary: kube-apiserver and its siblings by their names. */
export async function kubeBinary(): Promise<string> {
  const source = join(here, "kube");
  const inputs = ["go.mod", "go.sum", "main.go"].map((file) => join(source, file));
  const folder = await cached("kube", inputs, "kube", async (target) => {
    const env = plainEnv({
      GOTOOLCHAIN: "local",
      GOWORK: "off",
      CGO_ENABLED: "0",
      GOFLAGS: "-mod=readonly -trimpath -buildvcs=false",
    });
    const list = ["go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"];
    const version = (await must(list, { cwd: source, env, timeoutMs: 5 * minutes })).trim();
    const flags = `-s -w ${versionFlags(version)}`;
    await must(["go", "build", "-ldflags", flags, "-o", join(target, "kube"), "."], {
      cwd: source,
      env,
      timeoutMs: 40 * minutes,
    });
  });
  return join(folder, "kube");
}

function versionFlags(version: string): string {
  const [major, minor] = version.replace(/^v/, "").split(".");
  return ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].map((at) =>
    `-X ${at}.gitVersion=${version} -X ${at}.gitMajor=${major} -X ${at}.gitMinor=${minor}`
  ).join(" ");
}

/** A Python environment's `bin` folder with exactly what a requirements file lists. */
export async function pythonBin(name: string, requirements: string): Promise<string> {
  const folder = await cached(`python-${name}`, [requirements], python(), async (target) => {
    await must([python(), "-m", "venv", join(target, "venv")], { timeoutMs: 2 * minutes });
    const pip = [join(target, "venv/bin/pip"), "install", "--quiet", "--no-input"];
    await must([...pip, "--disable-pip-version-check", "--requirement", requirements], {
      timeoutMs: 10 * minutes,
    });
  });
  return join(folder, "venv/bin");
}

/** moto's server and boto3. */
export function motoBin(): Promise<string> {
  return pythonBin("moto", join(here, "python/requirements.txt"));
}

export const nodeVersion = "24.21.0";

/** The Node that the smaller scenario runs on. */
export async function nodeBinary(): Promise<string> {
  const arch = (await must(["uname", "-m"])).trim() === "aarch64" ? "arm64" : "x64";
  const name = `node-linux-${arch}@${nodeVersion}`;
  const folder = await cached("node", [], name, async (target) => {
    const npm = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
    await must([...npm, "--prefix", target, name], { timeoutMs: 5 * minutes });
  });
  return join(folder, `node_modules/node-linux-${arch}/bin/node`);
}

/** Folders of what tests of pages, alerts and documentation call beside Debian's programs. */
export async function watchingBins(): Promise<string[]> {
  return [
    await pythonBin("awscli", join(here, "../clients/python/awscli.txt")),
    await goBin("hcl", join(here, "../docs/hcl")),
    await goBin("grafana", join(here, "../monitoring/grafana")),
  ];
}

/** The folder of a small Go program. */
async function goBin(name: string, source: string): Promise<string> {
  const inputs = ["go.mod", "go.sum", "main.go"].map((file) => join(source, file));
  return await cached(`go-${name}`, inputs, name, async (target) => {
    const env = plainEnv({
      GOTOOLCHAIN: "local",
      CGO_ENABLED: "0",
      GOFLAGS: "-mod=readonly -trimpath -buildvcs=false",
    });
    const build = ["go", "build", "-o", join(target, name), "."];
    await must(build, { cwd: source, env, timeoutMs: 20 * minutes });
  });
}
