/**
 * The agents connected here: their streams, which end with the agent's pod or its token, and what
 * they last said of themselves.
 */
import type { AgentReport } from "../../protocol/frames.ts";
import { type Agent, isAgentPod } from "../access/agent_identity.ts";
import type { Assigner } from "./assigner.ts";
import { AssignmentFeed, type FeedEnd } from "./assignment_feed.ts";
import type { ClusterIndex } from "../cluster/cluster_index.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";

/** The old and the new stream of an agent overlap; more are leftovers of a fault. */
const maxStreamsPerAgent = 4;
const stuckAfterMs = 30_000;
/** The longest that a timer of both runtimes can wait. */
const maxTimerMs = 2_147_483_647;

interface AgentStreamsOptions {
  readonly index: ClusterIndex;
  readonly assigner: Assigner;
  readonly clock: Clock;
  readonly log: Log;
  readonly watchAgeSeconds: () => number;
  readonly serviceAccount: { readonly namespace: string; readonly name: string };
  readonly ended?: (why: FeedEnd) => void;
}

/** An agent as the status page shows it. */
export interface AgentStatus {
  readonly node: string;
  readonly namespace: string;
  readonly pod: string;
  readonly streams: number;
  /** When its latest stream opened, milliseconds since the epoch; null without one here. */
  readonly connectedAt: number | null;
  readonly report: AgentReport | null;
  readonly reportedAt: number | null;
}

interface Stream {
  readonly feed: AssignmentFeed;
  readonly openedAt: number;
  readonly cancelExpiry: () => void;
}

interface Known {
  readonly node: string;
  readonly pod: string;
  readonly streams: Set<Stream>;
  report: AgentReport | null;
  reportedAt: number | null;
}

export class AgentStreams {
  readonly #options: AgentStreamsOptions;
  readonly #agents = new Map<string, Known>();

  constructor(options: AgentStreamsOptions) {
    this.#options = options;
    options.index.subscribe({
      podChanged: (now, before) => {
        const { node, pod } = this.#agents.get((now ?? before)!.uid) ?? {};
        if (node === undefined || pod === undefined) return;
        const lives = now?.nodeName === node && isAgentPod(now, pod, options.serviceAccount);
        if (!lives) this.#forget((now ?? before)!.uid);
      },
    });
  }

  /** The frames of the agent's node, until its pod goes or its token ends. */
  open(agent: Agent): ReadableStream<Uint8Array> {
    const { assigner, clock, log, watchAgeSeconds, ended } = this.#options;
    const known = this.#known(agent);
    const feed = new AssignmentFeed({
      attach: (changed) => assigner.attach(agent.node, changed),
      clock,
      watchAgeSeconds,
      stuckAfterMs,
      ended: (why) => {
        stream.cancelExpiry();
        known.streams.delete(stream);
        log.info({ node: agent.node, pod: agent.podName, why }, "agent stream ended");
        ended?.(why);
      },
    });
    const lifeMs = Math.min(agent.expiresAt - clock.now(), maxTimerMs);
    const cancelExpiry = clock.after(lifeMs, () => feed.close("token-expired"));
    const stream = { feed, openedAt: clock.now(), cancelExpiry };
    known.streams.add(stream);
    if (known.streams.size > maxStreamsPerAgent) [...known.streams][0]?.feed.close("replaced");
    log.info({ node: agent.node, pod: agent.podName }, "agent stream opened");
    return feed.body;
  }

  report(agent: Agent, report: AgentReport): void {
    const known = this.#known(agent);
    known.report = report;
    known.reportedAt = this.#options.clock.now();
  }

  /** Streams open now. */
  get streamCount(): number {
    return [...this.#agents.values()].reduce((sum, agent) => sum + agent.streams.size, 0);
  }

  statuses(): AgentStatus[] {
    return [...this.#agents.values()].map((known) => ({
      node: known.node,
      namespace: this.#options.serviceAccount.namespace,
      pod: known.pod,
      streams: known.streams.size,
      connectedAt: [...known.streams].at(-1)?.openedAt ?? null,
      report: known.report,
      reportedAt: known.reportedAt,
    }));
  }

  /** Ends every stream: the server stops, and agents go to another replica. */
  close(): void {
    for (const { streams } of this.#agents.values()) {
      for (const { feed } of [...streams]) feed.close("shutdown");
    }
  }

  #known(agent: Agent): Known {
    const known = this.#agents.get(agent.podUid) ??
      { node: agent.node, pod: agent.podName, streams: new Set(), report: null, reportedAt: null };
    this.#agents.set(agent.podUid, known);
    return known;
  }

  #forget(podUid: string): void {
    for (const { feed } of [...this.#agents.get(podUid)?.streams ?? []]) feed.close("pod-gone");
    this.#agents.delete(podUid);
  }
}
