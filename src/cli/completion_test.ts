import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { completionScript } from "./completion.ts";
import { flag } from "./flags.ts";

const commands = new Map([
  ["agent", {
    summary: "a node's proxy",
    flags: {
      "imdsv2": flag.choice(["optional", "required"], "optional", "whether it's needed"),
      "direct": flag.boolean("also [serve] others"),
    },
  }],
  ["completion", { summary: "this", flags: {}, words: ["bash", "zsh"] }],
]);

function bashCompletes(...words: string[]): string[] {
  const script = completionScript("bash", "rolecall", commands) +
    `COMP_WORDS=(rolecall ${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length}; _rolecall; echo "\${COMPREPLY[*]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  assert.equal(stderr, "");
  return stdout.trim().split(" ");
}

// words typed so far, what bash offers
const typed = [
  [[""], ["agent", "completion"]],
  [["ag"], ["agent"]],
  [["agent", "--d"], ["--direct"]],
  [["agent", "--imdsv2", ""], ["optional", "required"]],
  [["completion", "z"], ["zsh"]],
  [["unknown", "--"], [""]],
] as const;

for (const [words, offered] of typed) {
  test(`completion of ${JSON.stringify(words)} in bash: ${offered.join(" ")}`, () => {
    assert.deepEqual(bashCompletes(...words), offered);
  });
}

test("completion in zsh has help and choices, without what zsh would take apart", () => {
  const script = completionScript("zsh", "rolecall", commands);
  assert.match(script, /^#compdef rolecall\n/);
  assert.match(script, /then _rolecall "\$@"; else compdef _rolecall rolecall; fi\n$/);
  assert.ok(script.includes("'1:word:(bash zsh)' '*:file:_files'"));
  assert.ok(script.includes("'--imdsv2[whether it’s needed]:value:(optional required)'"));
  assert.ok(script.includes("'--direct[also serve others]'"));
});

test("completion in fish has a line for each command and flag", () => {
  const script = completionScript("fish", "rolecall", commands);
  assert.match(script, /-n '__fish_use_subcommand' -f -a agent -d 'a node’s proxy'/);
  assert.match(script, /from agent' -l imdsv2 -xa 'optional required' -d /);
});
