/** The frames that an agent reads from a server's stream, in the trace. */
import type { Frame } from "../../src/protocol/frames.ts";
import type { Trace } from "./trace.ts";

/** Takes the bytes of one stream as they are read. Pings are left out: they come every few seconds. */
export function tracedFrames(trace: Trace, agent: string, server: string) {
  const decoder = new TextDecoder();
  const names = new Map<string, string>();
  let begun = "";
  return (bytes: Uint8Array): void => {
    const lines = (begun + decoder.decode(bytes, { stream: true })).split("\n");
    begun = lines.pop()!;
    for (const line of lines) {
      const frame: Frame = JSON.parse(line);
      if (frame.type !== "ping") trace.add(agent, `from ${server}: ${described(frame, names)}`);
    }
  };
}

function described(frame: Frame, names: Map<string, string>): string {
  if (frame.type === "revoke") return `revoke ${names.get(frame.uid) ?? frame.uid}`;
  if (frame.type !== "assign") return frame.type;
  const { pod, role, denied } = frame;
  names.set(pod.uid, pod.name);
  const what = denied?.reason ?? role?.name ?? "no role";
  if (!role) return `assign ${pod.name}: ${what}`;
  return `assign ${pod.name}: ${what}, ${role.credentials?.accessKeyId ?? "no credentials yet"}`;
}
