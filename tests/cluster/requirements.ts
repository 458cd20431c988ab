/** What the cluster test needs beyond the system test, if it creates its own nodes. */
import { existsSync } from "node:fs";
import { missing as missingForSystem } from "../system/requirements.ts";
import { run } from "../system/programs.ts";

/** Program and the Debian package that has it. */
const programs = [
  ["buildah", "buildah"],
  ["containerd", "containerd"],
  ["debootstrap", "debootstrap"],
  ["kubectl", "none; the Kubernetes project's"],
  ["runc", "runc"],
] as const;

/** One line for each thing that is missing; none means that the test can run. */
export async function missing(): Promise<string[]> {
  const lines = await missingForSystem();
  for (const [program, from] of programs) {
    const found = await run([program, "--help"]).then(() => true, () => false);
    if (!found) lines.push(`program ${program} (Debian: ${from})`);
  }
  if (!existsSync("/usr/lib/cni/bridge")) {
    lines.push("CNI plugins in /usr/lib/cni (Debian: containernetworking-plugins)");
  }
  return lines;
}
