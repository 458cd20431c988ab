/**
 * What server and agent say to each other: one JSON frame a line. Unknown frame types and fields
 * are ignored, so that the two may differ by one version.
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
});

const pod = v.object({
  uid: v.string(),
  namespace: v.string(),
  name: v.string(),
  ips: v.array(v.string()),
  hostNetwork: v.boolean(),
  /** Being deleted: a newer pod at one of its addresses has it then. */
  terminating: v.optional(v.boolean()),
  /** As Kubernetes writes it, so that texts sort as instants do. */
  createdAt: v.optional(v.string()),
  /** Its namespace demands IMDSv2 tokens. */
  imdsv2: v.boolean(),
});

const role = v.object({
  arn: v.string(),
  name: v.string(),
  requested: v.string(),
  /** A hash over all that makes the AssumeRole call. */
  identity: v.string(),
  /** Absent while they are being made: those held for the same uid and identity stay in use. */
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
    /** Since the stream began, so that a reader can tell a ping that waited for it; rounded down. */
    sentAfterSeconds: v.optional(v.number()),
  }),
]);

export type CredentialsFrame = v.InferOutput<typeof credentials>;
export type PodFrame = v.InferOutput<typeof pod>;
export type AssignFrame = v.InferOutput<typeof assign>;
export type Frame = v.InferOutput<typeof frame>;

const known = new Set(["assign", "revoke", "synced", "ping"]);

/** What an agent tells of itself with `POST /v1/agent`. */
export const agentReport = v.object({
  version: v.string(),
  ready: v.boolean(),
  redirect: v.object({
    kind: v.string(),
    inPlace: v.boolean(),
    repairs: v.number(),
    /** The routing rules behind it are in place; absent where none are wanted, and from old agents. */
    guarded: v.optional(v.boolean()),
  }),
  /** The instance takes requests without a token, so its hop limit protects nothing. */
  instanceAnswersWithoutToken: v.optional(v.boolean()),
  assignments: v.number(),
});
export type AgentReport = v.InferOutput<typeof agentReport>;

/** A line that isn't a frame: broken JSON, or a known type of another shape. */
class FrameFault extends Error {
  readonly code = "frame_malformed";
  override readonly name = "FrameFault";
}

/** One line, newline included. */
export function encodeFrame(value: Frame): string {
  return JSON.stringify(value) + "\n";
}

/**
 * The frame in a line, or undefined for a type this version doesn't know.
 * @throws {FrameFault} the line is no JSON object or misses what its type needs. Values of the line
 * are not repeated in the message: it may hold credentials.
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
