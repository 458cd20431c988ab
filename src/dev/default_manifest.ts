/** The cluster that `dev` plays when none is named: the one in this folder, else the program's own. */
import { fileURLToPath } from "node:url";
import type { ReadTextFile } from "./manifests.ts";

const here = "dev/cluster.yaml";
const own = fileURLToPath(new URL("../../dev/cluster.yaml", import.meta.url));

/** One that is there and can't be read is named all the same, so that its problem is told. */
export async function defaultManifest(readTextFile: ReadTextFile): Promise<string> {
  try {
    await readTextFile(here);
    return here;
  } catch (fault) {
    return (fault as { code?: unknown } | null)?.code === "ENOENT" ? own : here;
  }
}
