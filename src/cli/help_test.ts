import { test } from "node:test";
import assert from "node:assert/strict";
import type { Command } from "./command.ts";
import { flag } from "./flags.ts";
import { commandHelp, programHelp } from "./help.ts";

const command: Command = {
  group: "Nodes",
  usage: "[flags]",
  summary: "does a thing",
  flags: {
    "host-ip": flag.text("", "the node's address", { env: "HOST_IP" }),
    imdsv2: flag.choice(["optional", "required"], "optional", "tokens"),
    rate: flag.number(20, "calls"),
    names: flag.list("further names"),
    as: flag.list("this pod", "NAMESPACE/POD"),
    direct: flag.boolean("unredirected too"),
  },
  examples: ["agent --direct"],
  exitCodes: { 0: "done", 3: "denied" },
  load: () => Promise.resolve(() => Promise.resolve(0)),
};

test("commandHelp() shows each flag with its default, choices and variable", () => {
  assert.equal(
    commandHelp("rolecall", "agent", command),
    `Usage: rolecall agent [flags]

Does a thing.

Flags:
  --host-ip IP                the node's address; env ROLECALL_HOST_IP or HOST_IP
  --imdsv2 optional|required  tokens (optional)
  --rate N                    calls (20)
  --names NAMES,…             further names
  --as NAMESPACE/POD,…        this pod
  --direct                    unredirected too (off)

Examples:
  rolecall agent --direct

Exit codes:
  0  done
  2  wrong flags, variables or input
  3  denied

Every flag --some-flag can also be set as ROLECALL_SOME_FLAG.
`,
  );
});

test("commandHelp() keeps to the width of a terminal, flags and their help in two columns", () => {
  const long = Array.from({ length: 40 }, (_, n) => `word${n}`).join(" ");
  const page = commandHelp("rolecall", "agent", {
    ...command,
    flags: { "some-flag": flag.text("", long) },
  });
  const lines = page.split("\n");
  assert.ok(lines.every((line) => line.length <= 100));
  const at = lines.findIndex((line) => line.startsWith("  --some-flag FLAG  word0"));
  assert.match(lines[at + 1]!, /^ {20}word\d+ /);
});

test("programHelp() lists the commands by group, in columns", () => {
  const other = { ...command, group: "Desks", summary: "both" };
  const text = programHelp("rolecall", { agent: command, wait: command, explain: other });
  assert.match(text, /\nNodes:\n {2}agent {4}does a thing\n {2}wait {5}does a thing\n\nDesks:\n/);
  assert.match(text, /\nUsage: rolecall COMMAND \[flags\]\n/);
  assert.match(programHelp("", { agent: command }), /\nUsage: COMMAND \[flags\]\n/);
});
