/** One server as the model needs it: a watch that lags or stalls, index, assigner and feeds. */
import { createPolicy } from "../../../src/policy/decide.ts";
import type { PodFacts, RoleIdentity } from "../../../src/policy/facts.ts";
import { Assigner } from "../../../src/server/assignments/assigner.ts";
import { AssignmentFeed } from "../../../src/server/assignments/assignment_feed.ts";
import { ClusterIndex } from "../../../src/server/cluster/cluster_index.ts";
import type { CredentialState } from "../../../src/server/ports.ts";
import { fakeCredentials } from "../../fakes/credential_cache.ts";
import { namespaceFacts } from "../../fakes/facts.ts";
import type { ManualClock } from "../../fakes/manual_clock.ts";
import { policySettings } from "../../fakes/policy_settings.ts";
import { type ApiEvent, nodeName } from "./truth.ts";

const policy = createPolicy(policySettings);

/** A living watch is behind by no more than this. */
const lagMs = 2000;

export class Replica {
  readonly #clock: ManualClock;
  readonly #identities = new Map<string, RoleIdentity>();
  readonly #index = new ClusterIndex();
  readonly #assigner: Assigner;
  readonly #feeds = new Set<AssignmentFeed>();
  #unseen: ApiEvent[] = [];
  #stalled = false;
  #updatedAt: number;

  constructor(clock: ManualClock, api: Iterable<PodFacts>) {
    this.#clock = clock;
    this.#updatedAt = clock.monotonic();
    this.#assigner = new Assigner({
      index: this.#index,
      cache: {
        hold: (key, identity) => void this.#identities.set(key, identity),
        release: () => {},
        retry: () => {},
        subscribe: () => {},
        state: (key) => this.#credentials(key),
      },
      policy,
      clock,
      nodeGraceMs: 60_000,
      assigned: () => {},
    });
    this.#index.namespaces.replace([namespaceFacts()]);
    this.#index.serviceAccounts.replace([]);
    this.#index.pods.replace([...api]);
  }

  /** The API has a new event. */
  notify(event: ApiEvent): void {
    this.#unseen.push(event);
    this.#clock.after(lagMs, () => this.#stalled ? undefined : this.see(Infinity));
  }

  /** The watch brings the next events. */
  see(count: number): void {
    if (this.#stalled) return;
    for (const event of this.#unseen.splice(0, Math.min(count, this.#unseen.length))) {
      if (event.kind === "upsert") this.#index.pods.upsert(event.pod);
      else this.#index.pods.remove(event.uid);
    }
  }

  stall(): void {
    if (!this.#stalled) this.#updatedAt = this.#clock.monotonic();
    this.#stalled = true;
  }

  /** Resumes the watch, with a fresh list if the API requires one. */
  resume(api: Iterable<PodFacts> | null): void {
    this.#stalled = false;
    if (api) {
      this.#unseen = [];
      this.#index.pods.replace([...api]);
    } else this.see(Infinity);
  }

  open(): AssignmentFeed {
    const feed: AssignmentFeed = new AssignmentFeed({
      attach: (changed) => this.#assigner.attach(nodeName, changed),
      clock: this.#clock,
      watchAgeSeconds: () => this.#stalled ? (this.#clock.monotonic() - this.#updatedAt) / 1000 : 0,
      stuckAfterMs: 30_000,
      ended: () => void this.#feeds.delete(feed),
    });
    this.#feeds.add(feed);
    return feed;
  }

  /** Ends as with SIGKILL. */
  die(): void {
    for (const feed of [...this.#feeds]) feed.close("shutdown");
  }

  /** Each pod has a role of its own, so the credentials show which pod they belong to. */
  #credentials(key: string): CredentialState {
    const arn = this.#identities.get(key)?.arn;
    if (arn === undefined) return { kind: "pending" };
    const issuedAt = Math.floor(this.#clock.now() / 600_000) * 600_000;
    return { kind: "ready", credentials: fakeCredentials(arn.split("/")[1] ?? "", issuedAt) };
  }
}
