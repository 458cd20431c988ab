/** The Go program that puts load on candidates and is what they are compared with; built once. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { credentialsDocument } from "../src/agent/documents/credentials_documents.ts";
import { podFrame } from "./feed.ts";

export interface Tools {
  /** The Go program. */
  readonly go: string;
  /** A folder for what a run needs. */
  readonly folder: string;
  /** A file with the very bytes of a credentials document. */
  readonly document: string;
  readonly deno: string;
  readonly node: string;
}

/** What has to be installed for a run, with what it is for; empty where all is there. */
export function missing(): string[] {
  const wanted = [
    ["go", ["version"], "go 1.22 or later, for the load and the Go baselines"],
    ["deno", ["--version"], "deno 2.9 or later"],
    ["node", ["--version"], "node 22.19 or later"],
  ] as const;
  return wanted.filter(([name, args]) => spawnSync(programs()[name], args).status !== 0)
    .map(([, , need]) => need);
}

/** @throws {Error} with the compiler's words */
export function prepareTools(): Tools {
  const folder = mkdtempSync(join(tmpdir(), "rolecall-bench-"));
  const go = join(folder, "bench");
  const built = spawnSync(programs().go, ["build", "-o", go, "."], {
    cwd: fileURLToPath(new URL("go", import.meta.url)),
    encoding: "utf8",
  });
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  const document = join(folder, "document.json");
  const frame = podFrame(0, Date.now());
  if (frame.type !== "assign" || !frame.role?.credentials) throw new Error("no credentials");
  writeFileSync(document, credentialsDocument(frame.role.credentials));
  writeFileSync(join(folder, "token"), "token-of-the-agent");
  const { deno, node } = programs();
  return { go, folder, document, deno, node };
}

/** Other programs than those of PATH can be named by `GO`, `DENO` and `NODE`. */
function programs() {
  const { GO, DENO, NODE } = process.env;
  return { go: GO ?? "go", deno: DENO ?? "deno", node: NODE ?? "node" };
}
