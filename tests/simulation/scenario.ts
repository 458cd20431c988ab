/**
 * A simulation as text: a line of settings, then one step per line with its time in seconds. A seed
 * makes one; a failure is printed as one, shrunk; a file of `scenarios/` is one.
 */

/** How a node's agent identifies pods. */
export type Identity = "kernel" | "runtime" | "address";
/**
 * What the servers' flags add to each session: tags, some of them transitive, a source identity, or
 * nothing, so that namespaces may choose web identity.
 */
export type Sessions = "tags" | "source-identity" | "plain";

export interface Setting {
  readonly seed: string;
  readonly nodes: number;
  readonly servers: number;
  /** Of the first node, the second, and so on, over and over. */
  readonly identities: readonly Identity[];
  readonly sessions: Sessions;
  /** When the faults end. */
  readonly seconds: number;
}

export interface Step {
  /** In seconds. */
  readonly at: number;
  /** `README.md` lists the commands. */
  readonly words: readonly string[];
}

export interface Scenario {
  readonly setting: Setting;
  readonly steps: readonly Step[];
}

/** What users do. */
const changes = new Set([
  "create",
  "delete",
  "force-delete",
  "complete",
  "annotate",
  "create-namespace",
  "delete-namespace",
  "set-role",
  "permit",
  "external-id",
  "trust-role",
]);
const ends = new Set(["mend", "join", "start", "continue"]);
/** Words after a command that say that all is well. */
const well = new Set(["well", "answers", "off", "0", "this"]);
/** Commands whose last word says what is wrong. */
const moods = new Set(["api", "sts", "runtime", "remove", "version", "proc"]);

export interface StepKind {
  readonly of: "change" | "fault" | "end";
  /** Without names. */
  readonly name: string;
}

/** Counts as one kind of change or fault, or as the end of a fault. */
export function kindOf({ words: [command = "", ...more] }: Step): StepKind {
  const last = more.at(-1) ?? "";
  if (changes.has(command)) return { of: "change", name: command };
  if (ends.has(command) || well.has(last)) return { of: "end", name: command };
  if (moods.has(command)) return { of: "fault", name: `${command} ${last}` };
  return { of: "fault", name: command };
}

export function writeScenario({ setting, steps }: Scenario): string {
  const { seed, nodes, servers, identities, sessions, seconds } = setting;
  const head = `cluster seed=${seed} nodes=${nodes} servers=${servers} identity=${identities} ` +
    `sessions=${sessions} seconds=${seconds}`;
  const lines = steps.map(({ at, words }) => `${at.toFixed(1).padStart(8)}  ${words.join(" ")}`);
  return [head, ...lines, ""].join("\n");
}

/** Lines that begin with `#` are comments. */
export function readScenario(text: string): Scenario {
  const [head = "", ...lines] = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const value = (name: string) => {
    const found = new RegExp(`\\b${name}=(\\S+)`).exec(head)?.[1];
    if (found === undefined) throw new Error(`scenario: the first line has no ${name}=`);
    return found;
  };
  return {
    setting: {
      seed: value("seed"),
      nodes: Number(value("nodes")),
      servers: Number(value("servers")),
      identities: value("identity").split(",") as Identity[],
      sessions: value("sessions") as Sessions,
      seconds: Number(value("seconds")),
    },
    steps: lines.map((line) => {
      const [at = "", ...words] = line.trim().split(/\s+/);
      return { at: Number(at), words };
    }),
  };
}
