/** Frames for tests: complete, with only what a test sets. */
import type { AssignFrame } from "../../src/protocol/frames.ts";

export type PodFrame = AssignFrame["pod"];

/** An assign frame for a pod without a role. */
export function podFrame(uid: string, pod: Partial<PodFrame> = {}): AssignFrame {
  return { type: "assign", pod: podOf(uid, pod), role: null };
}

export function deniedFrame(uid: string, pod: Partial<PodFrame> = {}): AssignFrame {
  const denied = { reason: "NotPermitted", message: "the namespace doesn't permit it" };
  return { type: "assign", pod: podOf(uid, pod), denied };
}

interface RoleOfTest {
  readonly identity?: string;
  /** Milliseconds since the epoch; null = pending. */
  readonly expiresAt: number | null;
  readonly key?: string;
}

/** An assign frame with a role; its access key id names the pod and the identity. */
export function roleFrame(
  uid: string,
  role: RoleOfTest,
  pod: Partial<PodFrame> = {},
): AssignFrame {
  const identity = role.identity ?? "identity";
  const credentials = role.expiresAt === null ? {} : {
    credentials: {
      accessKeyId: role.key ?? `${uid}/${identity}`,
      secretAccessKey: "secret",
      sessionToken: "token",
      expiration: instant(role.expiresAt),
      lastUpdated: instant(role.expiresAt - 3_600_000),
    },
  };
  const arn = "arn:aws:iam::111122223333:role/team/reader";
  return {
    type: "assign",
    pod: podOf(uid, pod),
    role: { arn, name: "reader", requested: "team/reader", identity, ...credentials },
  };
}

function podOf(uid: string, pod: Partial<PodFrame>): PodFrame {
  const base = { namespace: "team", name: uid, ips: [], hostNetwork: false, imdsv2: false };
  return { uid, ...base, ...pod };
}

function instant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
