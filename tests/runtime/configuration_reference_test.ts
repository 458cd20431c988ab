import { test } from "node:test";
import assert from "node:assert/strict";
import { flag } from "../../src/cli/flags.ts";
import { configurationReference } from "../../docs/configuration_reference.ts";

const command = {
  group: "",
  usage: "",
  summary: "x",
  examples: [],
  exitCodes: { 0: "done", 3: "denied" },
  load: () => Promise.resolve(() => Promise.resolve(0)),
};

test("configurationReference(): a row for each flag, with what the parser accepts", () => {
  const page = configurationReference(
    {
      agent: {
        ...command,
        usage: "[flags]",
        summary: "answers pods",
        flags: {
          "imdsv2": flag.choice(["optional", "required"], "optional", "whether a|token is needed"),
          "host-ip": flag.text("", "the node's address", { env: "HOST_IP" }),
        },
      },
    },
  );
  assert.ok(page.includes("## agent\n\n`agent [flags]`: answers pods.\n"));
  assert.ok(page.includes(
    "| `--imdsv2` | `optional` | whether a\\|token is needed; one of optional, required. |",
  ));
  assert.ok(page.includes(
    "| `--host-ip` |  | the node's address. Read from `ROLECALL_HOST_IP`, then `HOST_IP`. |",
  ));
});

test("configurationReference(): flags that a command shares with another aren't listed twice", () => {
  const shared = { "direct": flag.boolean("serve others too") };
  const page = configurationReference(
    {
      agent: { ...command, flags: shared },
      dev: { ...command, flags: { ...shared, "aws": flag.boolean("use AWS") } },
      uninstall: { ...command, flags: {} },
    },
  );
  const dev = page.slice(page.indexOf("## dev"), page.indexOf("## uninstall"));
  assert.ok(dev.includes("Every flag of [agent](#agent), and:"));
  assert.ok(dev.includes("`--aws`") && !dev.includes("`--direct`"));
  assert.ok(
    page.includes(
      "## uninstall\n\n`uninstall`: x.\n\nIt has no flags.\n\nExit codes: 0 done; 3 denied.\n",
    ),
  );
});
