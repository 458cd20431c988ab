/** Connected agents: their streams, which end with the agent's pod or token, and their reports. */
import type { AgentReport } from "../../protocol/frames.ts";
import { type Agent, isAgentPod } from "../access/agent_identity.ts";
import type { Assigner } from "./assigner.ts";
import { AssignmentFeed, type FeedEnd } from "./assignment_feed.ts";
import type { ClusterIndex } from "../cluster/cluster_index.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";

/** An agent's old and new streams overlap; more than that are left over from a fault. */
const maxStreamsPerAgent = 4;
const stuckAfterMs = 30_000;
/** The longest timer that both runtimes support. */
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
  /** When its latest stream opened, milliseconds since the epoch; null without a stream here. */
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
        const alive = now?.nodeName === node && isAgentPod(now, pod, options.serviceAccount);
        if (!alive) this.#forget((now ?? before)!.uid);
      },
    });
  }

  /** The frames of the agent's node, until its pod is gone or its token expires. */
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

  /** Open streams. */
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

  /** Ends all streams when the server stops, so that agents connect to another replica. */
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
