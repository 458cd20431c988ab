/** Runs `kubectl` for a port-forward and for a token, so that the user's own authentication applies. */
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { StatusFault } from "./status_fault.ts";

interface PortForward {
  readonly url: string;
  close(): Promise<void>;
}

interface ServerPlace {
  readonly context: string | null;
  readonly namespace: string;
}

const patienceMs = 15_000;
/** The port of a server's status listener; a port-forward that a user runs has the same. */
export const statusPort = 9622;

/** @throws {StatusFault} kubectl is missing, or can't reach a server */
export async function openPortForward(
  { env, follow }: Pick<Runtime, "env" | "follow">,
  place: ServerPlace,
): Promise<PortForward> {
  const stop = new AbortController();
  const forwarding = Promise.withResolvers<string>();
  let printed = "";
  const output = (text: string) => {
    printed += text;
    const address = /^Forwarding from (127\.0\.0\.1:\d+) ->/m.exec(printed)?.[1];
    if (address !== undefined) forwarding.resolve(`http://${address}`);
  };
  const args = [
    ...placeFlags(place),
    "port-forward",
    "--address=127.0.0.1",
    "deploy/rolecall-server",
    `:${statusPort}`,
  ];
  const ended = follow("kubectl", args, { output, signal: stop.signal, env: present(env) });
  void ended.then(({ stderr }) => forwarding.reject(faultOf(args, lastLine(stderr))));
  const cancel = systemClock.after(patienceMs, () => {
    forwarding.reject(faultOf(args, `no answer within ${patienceMs / 1000} s`));
  });
  const close = async () => {
    stop.abort();
    await ended;
  };
  try {
    return { url: await forwarding.promise, close };
  } catch (fault) {
    await close();
    throw fault;
  } finally {
    cancel();
  }
}

/** For the ServiceAccount that may read the status page; null if kubectl can't create it. */
export async function createToken(
  { env, run }: Pick<Runtime, "env" | "run">,
  place: ServerPlace,
): Promise<string | null> {
  const account = ["create", "token", "rolecall-status", "--audience=rolecall-status"];
  const args = [...placeFlags(place), ...account];
  const { code, stdout } = await run("kubectl", args, { env: present(env) });
  return code === 0 && stdout.trim() !== "" ? stdout.trim() : null;
}

function placeFlags({ context, namespace }: ServerPlace): readonly string[] {
  return [...(context === null ? [] : [`--context=${context}`]), `--namespace=${namespace}`];
}

function faultOf(args: readonly string[], why: string): StatusFault {
  const message = `no server answers at http://127.0.0.1:${statusPort}, and ` +
    `kubectl ${args.join(" ")} fails: ${why}; give --server-status, or check --context and ` +
    "--server-namespace";
  return new StatusFault("unreachable", message);
}

function present(env: Runtime["env"]): Record<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined;
  });
  return Object.fromEntries(entries);
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() || "it ended";
}
