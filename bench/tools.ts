/** The Go program that generates the load and serves as the baseline; built once. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { credentialsDocument } from "../src/agent/documents/credentials_documents.ts";
import { podFrame } from "./feed.ts";
import { makeImages, type Programs } from "./variants.ts";

export interface Tools extends Programs {
  /** The Go program. */
  readonly go: string;
  /** A folder for what a run needs. */
  readonly folder: string;
  /** A file with the bytes of a credentials document. */
  readonly document: string;
}

/** What is missing for a run and what it is for; empty if nothing is. */
export function missing(): string[] {
  const wanted = [
    ["go", ["version"], "go 1.22 or later, for the load and the Go baselines"],
    ["deno", ["--version"], "deno 2.9 or later"],
    ["node", ["-e", "Promise.withResolvers()"], "node 22.19 or later"],
  ] as const;
  return wanted.filter(([name, args]) => spawnSync(programs()[name], args).status !== 0)
    .map(([, , need]) => need);
}

/** Builds everything that is measured. @throws {Error} with what the compiler says */
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
  const images = { image: join(folder, "image"), nodeImage: join(folder, "node-image") };
  const tools = { go, folder, document, deno, node, ...images };
  makeImages(tools, folder);
  return tools;
}

/** Those in PATH, or `GO`, `DENO` and `NODE`, as full paths: launchers name them so. */
function programs() {
  const { GO, DENO, NODE } = process.env;
  return { go: pathOf(GO ?? "go"), deno: pathOf(DENO ?? "deno"), node: pathOf(NODE ?? "node") };
}

function pathOf(name: string): string {
  const { stdout } = spawnSync("sh", ["-c", 'command -v "$0"', name], { encoding: "utf8" });
  const found = stdout.trim();
  return found === "" ? name : realpathSync(found);
}
