/** How people run Rolecall: as the image on Deno, from source, and as the image on Node. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export type Variant = "image" | "source" | "Node";

export interface Programs {
  readonly deno: string;
  readonly node: string;
  /** The folders of the two images' programs. */
  readonly image: string;
  readonly nodeImage: string;
}

interface Command {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");

/** `agent` or `server`, with the settings that this way of running gives it. */
export function commandOf(variant: Variant, name: string, programs: Programs): Command {
  const { deno, image, nodeImage } = programs;
  switch (variant) {
    case "image":
      return {
        command: [join(image, "bin", name)],
        env: { ...imageSettings("deno"), DENO_DIR: join(image, "cache") },
      };
    case "Node":
      return { command: [join(nodeImage, "bin", name)], env: imageSettings("node") };
    case "source": {
      const { tasks } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
      const parts = tasks[name].replace("src/main.ts", join(root, "src/main.ts")).split(" ");
      return { command: [deno, ...parts.slice(1)], env: {} };
    }
  }
}

/** Makes both images' programs as the Dockerfile does; commands may also use `open`. */
export function makeImages(programs: Programs, open: string): void {
  const script = join(root, "deploy/image/make_program.ts");
  const env = { ...process.env, ...imageSettings("deno") };
  for (
    const [folder, runtime] of [
      [programs.image, programs.deno],
      [programs.nodeImage, programs.node],
    ] as const
  ) {
    const args = ["run", "-A", script, folder, runtime, "agent", "server"];
    const { status } = spawnSync(programs.deno, args, { stdio: "inherit", env });
    if (status !== 0) throw new Error(`${script}: failed`);
  }
  const file = join(programs.image, "deno.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  const { agent, server } = config.permissions;
  for (const paths of [agent.read, agent.write, server.read]) paths.push(open);
  writeFileSync(file, JSON.stringify(config));
}

/** The environment of one of the Dockerfile's final stages, without the paths in it. */
function imageSettings(stage: string): Record<string, string> {
  const [, after = ""] = dockerfile.split(`AS ${stage}\n`);
  const [own = ""] = after.split("\nFROM ");
  const flags = /^ARG V8_FLAGS=(\S+)/m.exec(dockerfile)?.[1] ?? "";
  const pairs = [...own.matchAll(/^(?:ENV| {2}).*$/gm)].flatMap(([line]) =>
    [...line.matchAll(/([A-Z0-9_]+)=(\S+)/g)].map(([, name = "", value = ""]) =>
      [name, value.replace("$V8_FLAGS", flags)] as const
    )
  );
  return Object.fromEntries(pairs.filter(([name]) => name !== "PATH" && name !== "DENO_DIR"));
}
