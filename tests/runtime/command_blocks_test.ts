import { test } from "node:test";
import assert from "node:assert/strict";
import { documentedCommands, outputPattern } from "../docs/command_blocks.ts";

const page = `
\`\`\`console
$ not run
\`\`\`

\`\`\`console run
$ first \\
  goes on
one
$ second
\`\`\`
`;

test("documentedCommands(): of blocks marked to be run, with what they show", () => {
  assert.deepEqual(documentedCommands(page), [
    { line: 7, command: "first \\\n  goes on", output: ["one"] },
    { line: 10, command: "second", output: [] },
  ]);
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
