/**
 * Does the simulation find faults? Each of `mutant_list.ts` is put into a copy of the sources, and
 * clusters are run from a seed until one fails. Prints how many that took; fails if a mutant lives.
 */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Mutant, mutants } from "./mutant_list.ts";

const root = join(import.meta.dirname!, "..", "..");
const program = join("tests", "simulation", "main.ts");

/** Two at a time: as many as CI's machines have cores. */
const atOnce = 2;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "mutants" },
      runs: { type: "string", default: "40" },
      days: { type: "string", default: "0.02" },
      only: { type: "string", default: "" },
    },
  });
  const waiting = mutants.filter(({ name }) => name.includes(values.only));
  let living = 0;
  const work = async () => {
    const copy = await copied();
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const found = await tried(copy, next, values);
        if (found.run === null) living++;
        console.log(`${(found.run ?? "LIVES").toString().padStart(5)}  ${next.name}: ${found.how}`);
      }
    } finally {
      await rm(copy, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  console.log(living === 0 ? "every mutant was found" : `${living} mutants live`);
  return living === 0 ? 0 : 1;
}

async function copied(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "rolecall-mutants-"));
  for (const part of ["src", "tests/fakes", "tests/simulation", "deno.json", "package.json"]) {
    await cp(join(root, part), join(copy, part), { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

interface Wanted {
  readonly seed: string;
  readonly runs: string;
  readonly days: string;
}

async function tried(copy: string, { file, changes, run: known }: Mutant, wanted: Wanted) {
  const path = join(copy, "src", file);
  const original = await readFile(path, "utf8");
  await writeFile(path, changes.reduce(changed, original));
  try {
    const again = known === undefined ? null : await failing(copy, wanted, [known, "1"]);
    return again ?? await failing(copy, wanted, [1, wanted.runs]) ??
      { run: null, how: "nothing was wrong" };
  } finally {
    await writeFile(path, original);
  }
}

/** The first run that fails, and the rule it breaks; null if none does. */
async function failing(
  copy: string,
  { seed, days }: Wanted,
  [first, runs]: readonly [first: number, runs: string],
) {
  const size = ["--first", String(first), "--runs", runs, "--days", days];
  const { code, output } = await ran(copy, ["--seed", seed, ...size, "--whole"]);
  const [, run, how] = /FAILED \S+-(\d+): ([a-z-]+)/.exec(output) ?? [];
  if (run !== undefined) return { run: Number(run), how: how! };
  if (code === 0) return null;
  throw new Error(`the simulation itself fails:\n${output}`);
}

function changed(text: string, [from, to]: Mutant["changes"][number]): string {
  const [before, after, ...others] = text.split(from);
  if (after === undefined || others.length > 0) {
    throw new Error(`mutant: not exactly once in its file: ${from}`);
  }
  return before + to + after;
}

function ran(copy: string, options: readonly string[]) {
  const runtime = "deno" in process.versions ? ["run", "-A", "--no-check"] : [];
  const child = spawn(process.execPath, [...runtime, program, ...options], { cwd: copy });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => output += String(chunk));
  }
  return new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}

process.exitCode = await main();
