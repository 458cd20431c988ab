/** The table of commands: what each is for, and where it is loaded from. Running them is `main.ts`'s. */
import type { Command } from "./cli/command.ts";

export interface Entry {
  readonly summary: string;
  /** Loaded when it is called, so that a command pays for its own imports alone. */
  readonly load: () => Promise<Command>;
}

export const commands: Readonly<Record<string, Entry>> = {
  agent: {
    summary: "the metadata proxy of a node",
    load: async () => (await import("./agent/main.ts")).agentCommand,
  },
  server: {
    summary: "watches pods, assumes roles, feeds the agents",
    load: async () => (await import("./server/main.ts")).serverCommand,
  },
  dev: {
    summary: "agent and server in one process, on a laptop",
    load: async () => (await import("./dev/main.ts")).devCommand,
  },
  explain: {
    summary: "why a pod has its credentials or not",
    load: async () => (await import("./explain/command.ts")).explainCommand,
  },
  migrate: {
    summary: "which pods would get another answer than under kiam or kube2iam",
    load: async () => (await import("./migrate/command.ts")).migrateCommand,
  },
  wait: {
    summary: "waits until this pod gets credentials, for an init container",
    load: async () => (await import("./wait/command.ts")).waitCommand,
  },
  "boot-guard": {
    summary: "writes the systemd unit that closes this node from boot",
    load: async () => (await import("./agent/boot_guard/command.ts")).bootGuardCommand,
  },
  uninstall: {
    summary: "removes what the agent leaves on this node",
    load: async () => (await import("./agent/lifecycle/uninstall.ts")).uninstallCommand,
  },
  completion: {
    summary: "completion for bash, zsh or fish",
    load: async () => {
      const { completionCommand } = await import("./cli/completion_command.ts");
      return completionCommand(loadCommands);
    },
  },
};

/** All of them, by name. */
export async function loadCommands(): Promise<ReadonlyMap<string, Command>> {
  const names = Object.keys(commands);
  return new Map(
    await Promise.all(names.map(async (name) => [name, await commands[name]!.load()] as const)),
  );
}
