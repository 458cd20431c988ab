/** The image itself, in each of its forms. */
import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { inContainer } from "../buildah.ts";
import { rolecallImage } from "../images.ts";
import { nodeImage, otherMachine, otherMachineImage } from "../variant_images.ts";
import type { ClusterScenario } from "./mod.ts";

/** What says of each command that its modules load and that it may do what it has to. */
const trials: readonly { command: readonly string[]; code: number; says: RegExp }[] = [
  { command: ["version"], code: 0, says: /^rolecall \d/ },
  { command: ["agent", "--imdsv2=x"], code: 2, says: /--imdsv2: "x"/ },
  { command: ["server", "--kubeconfig=/etc/rolecall/x"], code: 2, says: /no such file/ },
  { command: ["explain", "--kubeconfig=/etc/rolecall/x", "a/b"], code: 2, says: /no such file/ },
  {
    command: ["migrate", "check", "/etc/rolecall/x"],
    code: 2,
    says: /no such file/,
  },
  { command: ["revoke"], code: 2, says: /nothing to revoke/ },
  { command: ["wait", "--timeout=x"], code: 2, says: /--timeout: "x"/ },
  { command: ["boot-guard"], code: 0, says: /boot guard: \/host\/systemd can't be written/ },
  { command: ["uninstall"], code: 1, says: /NET_ADMIN/ },
  { command: ["completion", "bash"], code: 0, says: /__complete/ },
  { command: ["dev", "/app/dev/none.yaml"], code: 2, says: /none\.yaml.*no such file/ },
  { command: ["ready"], code: 1, says: /hasn't said/ },
];

export const images: readonly ClusterScenario[] = [
  ...[["Deno", rolecallImage], ["Node", nodeImage]].map(([runtime, image = ""]) => ({
    name: `every command of the image runs on ${runtime}`,
    ownNodes: true,
    run: () =>
      inContainer(image, async ({ run }) => {
        for (const { command, code, says } of trials) {
          const outcome = await run(command);
          const said = outcome.stdout + outcome.stderr;
          assert.match(said, says, command.join(" "));
          assert.equal(outcome.code, code, said);
        }
      }),
  })),
  {
    name: `the image for ${otherMachine.image} is made of programs for it`,
    ownNodes: true,
    run: () =>
      inContainer(otherMachineImage, async ({ root }) => {
        const machines = new Map(programsBelow(await root()));
        assert.equal(machines.get("usr/bin/deno"), otherMachine.elf);
        assert.equal(machines.get("usr/sbin/xtables-nft-multi"), otherMachine.elf);
        const others = [...machines].filter(([, machine]) => machine !== otherMachine.elf);
        assert.deepEqual(others, []);
      }),
  },
];

/** Path and machine of each file in the format of programs and libraries. */
function programsBelow(root: string): [string, number][] {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).flatMap((entry): [string, number][] => {
    const path = join(entry.parentPath, entry.name);
    const start = new DataView(new ArrayBuffer(20));
    const file = openSync(path, "r");
    readSync(file, start);
    closeSync(file);
    const isProgram = start.getUint32(0) === 0x7f454c46;
    return isProgram ? [[path.slice(root.length + 1), start.getUint16(18, true)]] : [];
  });
}
