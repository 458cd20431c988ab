import { test } from "node:test";
import assert from "node:assert/strict";
import type { Command } from "./command.ts";
import { flag } from "./flags.ts";
import { commandHelp, programHelp } from "./help.ts";

const command: Command = {
  usage: "[flags]",
  summary: "does a thing",
  flags: {
    "host-ip": flag.text("", "the node's address", { env: "HOST_IP" }),
    imdsv2: flag.choice(["optional", "required"], "optional", "tokens"),
    direct: flag.boolean("unredirected too"),
  },
  examples: ["agent --direct"],
  run: () => Promise.resolve(0),
};

test("commandHelp() shows each flag with its default, choices and variable", () => {
  assert.equal(
    commandHelp("rolecall", "agent", command),
    `Usage: rolecall agent [flags]

Does a thing.

Flags:
  --host-ip VALUE  the node's address; env ROLECALL_HOST_IP or HOST_IP
  --imdsv2 VALUE   tokens; optional | required (optional)
  --direct         unredirected too (off)

Examples:
  rolecall agent --direct

Every flag --some-flag can be given as ROLECALL_SOME_FLAG.
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
  const at = lines.findIndex((line) => line.startsWith("  --some-flag VALUE  word0"));
  assert.match(lines[at + 1]!, /^ {21}word\d+ /);
});

test("programHelp() lists the commands in columns", () => {
  const text = programHelp("rolecall", new Map([["agent", "the proxy"], ["dev", "both"]]));
  assert.match(text, /\n {2}agent {2}the proxy\n {2}dev {4}both\n/);
});
