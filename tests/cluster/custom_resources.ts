/** Definitions of the custom resources that components use, from their projects' Go modules. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cached } from "../system/cache.ts";
import { must } from "../system/programs.ts";
import process from "node:process";

/** Module, folder in it, and the definitions wanted by a part of their file names. */
const sources = [
  ["github.com/cert-manager/cert-manager@v1.21.2", "deploy/crds", /_(certificates|issuers)\./],
  [
    "github.com/prometheus-operator/prometheus-operator@v0.85.0",
    "example/prometheus-operator-crd",
    /_(podmonitors|servicemonitors|prometheusrules)\./,
  ],
  [
    "github.com/cilium/cilium@v1.20.2",
    "pkg/k8s/apis/cilium.io/client/crds/v2",
    /^ciliumlocalredirectpolicies\./,
  ],
] as const;

/** Paths of the files to apply. */
export async function customResources(): Promise<string[]> {
  const kept = await cached("custom-resources", [], sources.flat().join(), async (target) => {
    for (const [module, folder, wanted] of sources) {
      const env = definedOnly({ ...process.env, GOTOOLCHAIN: "local", GOWORK: "off" });
      const received = await must(["go", "mod", "download", "-json", module], {
        env,
        timeoutMs: 300_000,
      });
      const { Dir } = JSON.parse(received) as { Dir: string };
      for (const name of readdirSync(join(Dir, folder))) {
        if (wanted.test(name)) {
          writeFileSync(join(target, name), readFileSync(join(Dir, folder, name)));
        }
      }
    }
  });
  return readdirSync(kept).filter((name) => name.endsWith(".yaml")).map((name) => join(kept, name));
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  const defined = Object.entries(env).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as Record<string, string>;
}
