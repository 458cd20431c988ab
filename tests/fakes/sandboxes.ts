/** A container runtime in memory, controlled by a test. */
import type { Sandbox } from "../../src/agent/ports.ts";

export interface FakeSandboxes {
  /** Pod's UID and addresses by sandbox. */
  readonly ready: Map<string, {
    readonly podUid: string;
    readonly ips: readonly string[] | null;
    readonly runtimeHandler?: string;
  }>;
  /** How many times its list was requested. */
  lists: number;
  /** `down` rejects every call; `hangs` answers none until `release()`. */
  mode: "answers" | "down" | "hangs";
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
    mode: "answers",
    async readySandboxes() {
      fake.lists++;
      // The list at the time of the call, however late it is answered.
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
    if (fake.mode === "down") return Promise.reject(new Error("connection refused"));
    if (fake.mode === "answers") return Promise.resolve();
    return new Promise((resolve) => hanging.push(resolve));
  }
}
