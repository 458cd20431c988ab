import { test } from "node:test";
import assert from "node:assert/strict";
import {
  documentedCommands,
  documentedFiles,
  fences,
  marks,
  outputPattern,
  pages,
} from "../docs/command_blocks.ts";
import { notRun } from "../docs/not_run.ts";

const page = `
\`\`\`console
$ not run    # here
\`\`\`

\`\`\`console run
$ first \\
  goes on
one
$ second
\`\`\`

2. \`\`\`console run
   $ third
     indented
   \`\`\`

   \`\`\`json a.json
   {
     "b": 1
   }
   \`\`\`
`;

test("documentedCommands(): of blocks with the mark, with what they show", () => {
  assert.deepEqual(documentedCommands(page, "run"), [
    { line: 7, command: "first \\\n  goes on", output: ["one"] },
    { line: 10, command: "second", output: [] },
    { line: 14, command: "third", output: ["  indented"] },
  ]);
  const [plain] = documentedCommands(page, "");
  assert.equal(plain?.command, "not run    # here");
  assert.deepEqual(documentedCommands(page, "cluster"), []);
});

test("documentedFiles(): blocks that have a file's name", () => {
  assert.deepEqual([...documentedFiles(page)], [["a.json", '{\n  "b": 1\n}\n']]);
});

test("every block of commands is run by a test, or not_run.ts says why it isn't", () => {
  const unmarked = new Set<string>();
  for (const [path, text] of pages()) {
    for (const { line, words: [language = "", mark], lines } of fences(text)) {
      const commands = language === "console"
        ? []
        : lines.filter((one) => /^(\$|kubectl) /.test(one));
      assert.deepEqual(commands, [], `${path}:${line}: write console`);
      assert.doesNotMatch(language, /^(sh|bash|shell|zsh)$/, `${path}:${line}: write console`);
      if (language !== "console" || mark === undefined) continue;
      assert.ok(Object.hasOwn(marks, mark), `${path}:${line}: no test runs ${mark} blocks`);
    }
    for (const { line, command } of documentedCommands(text, "")) {
      const plain = command.replace(/ +# .*$/, "");
      assert.ok(Object.hasOwn(notRun, plain), `${path}:${line}: nothing runs ${plain}`);
      unmarked.add(plain);
    }
  }
  assert.deepEqual(Object.keys(notRun).filter((command) => !unmarked.has(command)), []);
});

// shown, got, whether it is the same
const outputs = [
  [["a (b) …"], "a (b) c\n", true],
  [["a (b) …"], "a b c\n", false],
  [["a", "…", "z", "…"], "a\nb\nc\nz\nmore\n", true],
  [["a"], "a\nmore\n", false],
  [["a", "z"], "a\nb\nz\n", false],
  [["key ASIAX1 at 2026-11-23T16:59:27Z"], "key ASIAY22 at 2027-01-01T00:00:00Z\n", true],
  [[], "anything\n", true],
] as const;

for (const [shown, got, same] of outputs) {
  test(`outputPattern(${JSON.stringify(shown)}) ${same ? "fits" : "doesn't fit"} ${got.trim()}`, () => {
    assert.equal(outputPattern(shown).test(got), same);
  });
}
