/** A container runtime in memory that answers as a test tells it to. */
import type { Sandbox } from "../../src/agent/ports.ts";

export interface FakeSandboxes {
  /** Pod's UID and addresses by sandbox. */
  readonly ready: Map<string, {
    readonly podUid: string;
    readonly ips: readonly string[] | null;
    readonly runtimeHandler?: string;
  }>;
  /** How often it was asked for its list. */
  lists: number;
  /** `away` rejects; `hangs` answers nothing until told otherwise. */
  mood: "answers" | "away" | "hangs";
  readySandboxes(): Promise<readonly Sandbox[]>;
  addresses(id: string): Promise<readonly string[] | null>;
  close(): void;
  /** Lets calls that hang answer. */
  release(): void;
}

export function fakeSandboxes(): FakeSandboxes {
  const hanging: (() => void)[] = [];
  const fake: FakeSandboxes = {
    ready: new Map(),
    lists: 0,
    mood: "answers",
    async readySandboxes() {
      fake.lists++;
      // What was true when it was asked, however late it answers.
      const list = [...fake.ready].map(([id, { podUid, runtimeHandler = "" }]) => {
        return { id, podUid, runtimeHandler };
      });
      await answered();
      return list;
    },
    async addresses(id) {
      const sandbox = fake.ready.get(id);
      await answered();
      if (!sandbox) throw new Error("no such sandbox");
      return sandbox.ips;
    },
    close: () => {},
    release: () => {
      for (const answer of hanging.splice(0)) answer();
    },
  };
  return fake;

  function answered(): Promise<void> {
    if (fake.mood === "away") return Promise.reject(new Error("connection refused"));
    if (fake.mood === "answers") return Promise.resolve();
    return new Promise((resolve) => hanging.push(resolve));
  }
}
