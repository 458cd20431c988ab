/** Runs the commands of README and docs against `dev` on its own ports, as a reader would. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { env, execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { dirname } from "node:path";
import { DevProcess } from "../runtime/dev_process.ts";
import { documentedCommands, outputPattern, pages } from "./command_blocks.ts";

const root = new URL("../../", import.meta.url);
const ports = { "--listen": 8181, "--admin-listen": 9620, "--status-listen": 9622 };

let dev: DevProcess;

before(async () => {
  const at = Object.entries(ports).flatMap(([flag, port]) => [flag, `127.0.0.1:${port}`]);
  dev = new DevProcess(at);
  await dev.saw(/127\.0\.0\.10 +strict\/careful +role arn:\S+\n/);
});

after(() => dev.stop());

/** What it writes, to either stream; deno's own line about its task is none of ours. */
function output(command: string): Promise<string> {
  const shell = spawn("bash", ["-c", command], {
    cwd: fileURLToPath(root),
    env: { ...env, NO_COLOR: "1", PATH: `${dirname(execPath)}:${env["PATH"]}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => text += part);
  }
  const own = (line: string) => !line.startsWith("Task ");
  return new Promise((resolve) => {
    shell.on("close", () => resolve(text.trimEnd().split("\n").filter(own).join("\n") + "\n"));
  });
}

for (const [page, text] of pages()) {
  for (const { line, command, output: shown } of documentedCommands(text, "run")) {
    test(`${page}:${line}: ${command}`, async () => {
      assert.match(await output(atHand(command)), outputPattern(shown));
    });
  }
}

/** The port of dev's STS is another at each start. */
function atHand(command: string): string {
  const sts = /--endpoint-url (http:\/\/\S+)/.exec(dev.output)?.[1];
  return sts === undefined ? command : command.replace("http://127.0.0.1:35707", sts);
}

test("there are commands to run", () => {
  const all = pages().flatMap(([, text]) => documentedCommands(text, "run"));
  assert.ok(all.length >= 8, `${all.length}`);
});
