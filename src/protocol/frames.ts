/**
 * The messages between server and agent: one JSON frame per line. Unknown frame types and fields are
 * ignored, so that the two may differ by one version.
 */
import * as v from "valibot";

const credentials = v.object({
  accessKeyId: v.string(),
  secretAccessKey: v.string(),
  sessionToken: v.string(),
  /** `YYYY-MM-DDTHH:MM:SSZ` */
  expiration: v.pipe(v.string(), v.isoTimestamp()),
  /** `YYYY-MM-DDTHH:MM:SSZ` */
  lastUpdated: v.pipe(v.string(), v.isoTimestamp()),
  /** Until they expire, by the server's clock; absent from older servers. */
  leftSeconds: v.optional(v.number()),
});

const pod = v.object({
  uid: v.string(),
  namespace: v.string(),
  name: v.string(),
  ips: v.array(v.string()),
  hostNetwork: v.boolean(),
  /** Being deleted: it loses an address to a newer pod that has the same one. */
  terminating: v.optional(v.boolean()),
  /** `creationTimestamp`: RFC 3339 in UTC, so that strings sort by time. */
  createdAt: v.optional(v.string()),
  /** A static pod's `kubernetes.io/config.hash`: its cgroup is named by it, not by the UID. */
  configHash: v.optional(v.string()),
  /** Its namespace requires IMDSv2. */
  imdsv2: v.boolean(),
});

const role = v.object({
  arn: v.string(),
  name: v.string(),
  requested: v.string(),
  /** A hash over everything that is sent to STS. */
  identity: v.string(),
  /** Absent while pending: credentials held for the same uid and identity stay in use. */
  credentials: v.optional(credentials),
});

const denial = v.object({ reason: v.string(), message: v.string() });

const assign = v.pipe(
  v.object({
    type: v.literal("assign"),
    pod,
    role: v.optional(v.nullable(role)),
    denied: v.optional(denial),
  }),
  v.check(
    (frame) => (frame.denied !== undefined) !== (frame.role !== undefined),
    "an assign frame carries either role or denied",
  ),
);

const frame = v.variant("type", [
  assign,
  v.object({ type: v.literal("revoke"), uid: v.string() }),
  v.object({ type: v.literal("synced") }),
  v.object({
    type: v.literal("ping"),
    watchAgeSeconds: v.number(),
    /** Since the stream began, rounded down; shows an agent that was paused how old a ping is. */
    sentAfterSeconds: v.optional(v.number()),
  }),
]);

export type CredentialsFrame = v.InferOutput<typeof credentials>;
export type AssignFrame = v.InferOutput<typeof assign>;
export type Frame = v.InferOutput<typeof frame>;

const known = new Set(["assign", "revoke", "synced", "ping"]);

/** Keeps a report well below the 16 KiB that the server reads. */
export const maxWithoutToken = 128;

/** The body of `POST /v1/agent`. */
export const agentReport = v.object({
  version: v.string(),
  ready: v.boolean(),
  redirect: v.object({
    kind: v.string(),
    inPlace: v.boolean(),
    repairs: v.number(),
    /** Whether the policy routing is in place; absent if it isn't used, and from old agents. */
    guarded: v.optional(v.boolean()),
  }),
  /** The instance takes requests without a token, so its hop limit protects nothing. */
  instanceAnswersWithoutToken: v.optional(v.boolean()),
  /** The boot guard's unit is in place; absent if it isn't used, and from old agents. */
  closedFromBoot: v.optional(v.boolean()),
  assignments: v.number(),
  /** How callers are identified: `kernel`, `runtime` or `address`; absent from older agents. */
  identity: v.optional(v.string()),
  /** The kernel would have been better, but isn't available. */
  identityFallback: v.optional(v.boolean()),
  /**
   * Pods that made requests without a session token, as IMDSv1 does, and when last; the latest, at
   * most {@link maxWithoutToken}. Absent from older agents.
   */
  withoutToken: v.optional(v.array(v.object({ uid: v.string(), at: v.string() }))),
  /** Since when the agent has recorded such requests. */
  withoutTokenSince: v.optional(v.string()),
});
export type AgentReport = v.InferOutput<typeof agentReport>;

/** A line that isn't a frame: invalid JSON, or a known type with a wrong shape. */
class FrameFault extends Error {
  readonly code = "frame_malformed";
  override readonly name = "FrameFault";
}

/** One line, newline included. */
export function encodeFrame(value: Frame): string {
  return JSON.stringify(value) + "\n";
}

/**
 * The frame in a line; undefined if this version doesn't know its type.
 * @throws {FrameFault} the line isn't a JSON object or lacks a required field. The message never
 * repeats values, which may be credentials.
 */
export function decodeFrame(line: string): Frame | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new FrameFault("frame: not JSON");
  }
  const type = (value as { type?: unknown } | null)?.type;
  if (typeof type !== "string") throw new FrameFault("frame: no type");
  if (!known.has(type)) return undefined;
  const result = v.safeParse(frame, value);
  if (!result.success) {
    const path = v.getDotPath(result.issues[0]) ?? "";
    throw new FrameFault(`frame: ${type} has a wrong or missing field: ${path}`);
  }
  return result.output;
}
