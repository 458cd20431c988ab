import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { env } from "node:process";
import { fakeRuntime } from "../../tests/fakes/runtime.ts";
import type { Commands } from "./command.ts";
import { completionAnswer, printCompletion } from "./completion.ts";
import { flag } from "./flags.ts";

const command = {
  group: "",
  usage: "",
  summary: "a node's proxy",
  examples: [],
  exitCodes: {},
  load: () => Promise.resolve(() => Promise.resolve(0)),
};
const commands: Commands = {
  agent: {
    ...command,
    flags: {
      "imdsv2": flag.choice(["optional", "required"], "optional", "whether it's needed"),
      "direct": flag.boolean("also others"),
      "file": flag.text("", "a file"),
    },
  },
  completion: { ...command, flags: {}, words: ["bash", "zsh"] },
};

// words typed so far, candidates; null leaves it to file names
const typed = [
  [[], ["agent", "completion"]],
  [[""], ["agent", "completion"]],
  [["ag"], ["agent"]],
  [["agent", "--d"], ["--direct"]],
  [["agent", "--imd"], ["--imdsv2", "--imdsv2=optional", "--imdsv2=required"]],
  [["agent", "--imdsv2", ""], ["optional", "required"]],
  [["agent", "--imdsv2", "r"], ["required"]],
  [["agent", "--direct", ""], null],
  [["agent", "--file", ""], null],
  [["completion", "z"], ["zsh"]],
  [["completion", "zsh", ""], null],
  [["unknown", "--"], null],
  [["constructor", "--"], null],
] as const;

for (const [words, offered] of typed) {
  test(`completionAnswer(${JSON.stringify(words)}): ${offered?.join(" ")}`, () => {
    const lines = completionAnswer(commands, words).trimEnd().split("\n");
    assert.equal(lines.pop(), offered === null ? ":0" : ":4");
    assert.deepEqual(lines.map((line) => line.split("\t")[0]), offered ?? []);
  });
}

const flags = { program: flag.text("kubectl-rolecall", "name") };

async function script(...args: string[]): Promise<{ code: number; text: string }> {
  const { runtime, written } = fakeRuntime({});
  const code = await printCompletion(runtime, args, flags);
  return { code, text: written() };
}

test("the script for bash passes the words to the program unchanged", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "rolecall-"));
  t.after(() => rm(folder, { recursive: true }));
  const program = join(folder, "kubectl-rolecall");
  await writeFile(
    program,
    '#!/bin/sh\nfor word; do printf "<%s>\\thelp\\n" "$word"; done\necho :4\n',
  );
  await chmod(program, 0o755);
  const { text } = await script("bash");
  const typed = `COMP_WORDS=(kubectl-rolecall agent '$(touch x)' ''); COMP_CWORD=3; `;
  const run = `${text}${typed}_kubectl_rolecall; printf '%s\n' "\${COMPREPLY[@]}"`;
  const path = `${folder}${delimiter}${env["PATH"]}`;
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", run], {
    env: { PATH: path },
    encoding: "utf8",
  });
  assert.deepEqual([stderr, stdout], ["", "<__complete>\n<agent>\n<$(touch x)>\n<>\n"]);
});

test("the scripts for zsh and fish are registered for the program", async () => {
  const zsh = (await script("zsh", "--program=rc")).text;
  assert.match(zsh, /^#compdef rc\n/);
  assert.match(zsh, /then _rc "\$@"; else compdef _rc rc; fi\n$/);
  assert.match(
    (await script("fish")).text,
    /^complete -c kubectl-rolecall -a '\(_kubectl_rolecall\)'$/m,
  );
});

test("printCompletion() refuses other shells and names", async () => {
  assert.deepEqual(await script("tcsh"), {
    code: 2,
    text: 'completion: "tcsh"; expected bash, zsh or fish\n',
  });
  assert.equal((await script("bash", "--program=a b")).code, 2);
});
