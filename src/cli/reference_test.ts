import { test } from "node:test";
import assert from "node:assert/strict";
import { flag } from "./flags.ts";
import { configurationReference } from "./reference.ts";

test("configurationReference(): a row a flag, with what the parser takes", () => {
  const page = configurationReference(
    new Map([["agent", {
      usage: "[flags]",
      summary: "answers pods",
      examples: [],
      run: () => Promise.resolve(0),
      flags: {
        "imdsv2": flag.choice(["optional", "required"], "optional", "whether a|token is needed"),
        "host-ip": flag.text("", "the node's address", { env: "HOST_IP" }),
      },
    }]]),
  );
  assert.ok(page.includes("## agent\n\n`agent [flags]`: answers pods.\n"));
  assert.ok(page.includes(
    "| `--imdsv2` | `optional` | whether a\\|token is needed; one of optional, required. |",
  ));
  assert.ok(page.includes(
    "| `--host-ip` |  | the node's address. Read from `ROLECALL_HOST_IP`, then `HOST_IP`. |",
  ));
});

test("configurationReference(): what a command has of another isn't told twice", () => {
  const shared = { "direct": flag.boolean("serve others too") };
  const command = { usage: "", summary: "x", examples: [], run: () => Promise.resolve(0) };
  const page = configurationReference(
    new Map([
      ["agent", { ...command, flags: shared }],
      ["dev", { ...command, flags: { ...shared, "aws": flag.boolean("use AWS") } }],
      ["uninstall", { ...command, flags: {} }],
    ]),
  );
  const dev = page.slice(page.indexOf("## dev"), page.indexOf("## uninstall"));
  assert.ok(dev.includes("Every flag of [agent](#agent), and:"));
  assert.ok(dev.includes("`--aws`") && !dev.includes("`--direct`"));
  assert.ok(page.includes("## uninstall\n\n`uninstall`: x.\n\nIt has no flags.\n"));
});
