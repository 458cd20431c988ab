/** Programs that only a release needs, made from their Go modules. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached } from "../system/cache.ts";
import { must, plainEnv } from "../system/programs.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

/** helm's folder. */
export const helmBin = () => goTools("helm", ["helm.sh/helm/v3/cmd/helm"]);

/** The folder of cosign, and of a registry that keeps everything in memory. */
export const signingBin = () =>
  goTools("signing", [
    "github.com/google/go-containerregistry/cmd/registry",
    "github.com/sigstore/cosign/v2/cmd/cosign",
  ]);

/** Packages of the module in the folder `name`, as its go.mod has them. */
function goTools(name: string, packages: readonly string[]): Promise<string> {
  const source = join(here, name);
  const inputs = ["go.mod", "go.sum"].map((file) => join(source, file));
  return cached(`go-tools-${name}`, inputs, packages.join(" "), async (target) => {
    const env = plainEnv({
      CGO_ENABLED: "0",
      GOTOOLCHAIN: "local",
      GOFLAGS: "-mod=readonly -trimpath -buildvcs=false",
    });
    const build = ["go", "build", "-ldflags", "-s -w", "-o", `${target}/`, ...packages];
    await must(build, { cwd: source, env, timeoutMs: 40 * 60_000 });
  });
}
