/**
 * The certificate that agents see, made and renewed by the replicas themselves in a Secret that
 * they share, its authorities published in a ConfigMap. What to do next is decided by
 * `certificate_plan.ts`; here it is done, again and again, and whatever another replica did in
 * between makes this one read anew.
 */
import type { CertificateIssuer } from "./certificate_authority.ts";
import {
  type CertificateStep,
  type CertificateTerms,
  certificateTerms,
  nextStep,
  withLeaf,
} from "./certificate_plan.ts";
import { bundleOf, type CertificateState, decodeState, encodeState } from "./certificate_state.ts";
import type { Leaf } from "./certificate_state.ts";
import { Backoff } from "../../time/backoff.ts";
import { pause } from "../../time/pause.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";

/** One object of the cluster, guarded against writing over what another has written. */
export interface SharedObject {
  /** For messages, such as `Secret rolecall/rolecall-server-tls`. */
  readonly label: string;
  read(): Promise<
    { readonly resourceVersion: string; readonly data: Readonly<Record<string, string>> } | null
  >;
  /** `conflict`: no longer as read; with null: there is one by now. */
  write(
    data: Readonly<Record<string, string>>,
    resourceVersion: string | null,
  ): Promise<"written" | "conflict">;
}

interface ServingCertificateOptions {
  readonly secret: SharedObject;
  readonly configMap: SharedObject;
  readonly issuer: CertificateIssuer;
  /** DNS names and addresses that agents reach the server by. */
  readonly names: readonly string[];
  readonly terms?: CertificateTerms;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** At the first certificate and at each new one; serve new connections with it. */
  changed(tls: { readonly cert: string; readonly key: string }): void;
}

/** The ConfigMap's key that agents mount. */
const BUNDLE_KEY = "ca.crt";
const CHECK_MS = 30_000;
/** After a failure, or while waiting. */
const retryAfter = { minMs: 1_000, maxMs: CHECK_MS };
/** More steps in a row than any course of events needs. */
const MAX_STEPS = 12;
/** After a gap this long, what was published meanwhile is not known. */
const BLIND_MS = 2 * 60_000;

export class ServingCertificate {
  readonly #options: ServingCertificateOptions;
  #remembered: CertificateState | null = null;
  #rememberedAt = -Infinity;
  #sightSince = -Infinity;
  #served: Leaf | null = null;
  #publishedSince = new Map<string, number>();
  #readAt = -Infinity;
  #problem: string | null = null;

  constructor(options: ServingCertificateOptions) {
    this.#options = options;
  }

  /** When what is served ends, in milliseconds since the epoch; null before the first. */
  certificateExpiresAt(): number | null {
    return this.#served?.expiresAt ?? null;
  }

  /** What stands in the way, naming the object; null while all is in order. For readiness. */
  problem(): string | null {
    return this.#problem;
  }

  /** Looks after the certificate until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const backoff = new Backoff({ ...retryAfter, random });
    while (!signal.aborted) {
      const settled = await this.refresh();
      if (settled) backoff.reset();
      await pause(clock, settled ? CHECK_MS : backoff.next(), signal);
    }
  }

  /**
   * Brings everything into order as far as it can be now. True when nothing is left to do; faults
   * are logged, kept as {@link problem}, and what is served stays.
   */
  async refresh(): Promise<boolean> {
    try {
      for (let count = 0; count < MAX_STEPS; count++) {
        const outcome = await this.#step();
        if (outcome !== "again") return outcome === "settled";
      }
      return false;
    } catch (thrown) {
      this.#failed(thrown);
      return false;
    }
  }

  async #step(): Promise<"again" | "settled" | "waiting"> {
    const { secret, configMap, clock, names, terms = certificateTerms } = this.#options;
    // The bundle first: when it is written, its resourceVersion then is older than the state that
    // it is made from, so a bundle of an older state can't overwrite one of a newer.
    const shown = await configMap.read();
    const held = await secret.read();
    const stored = held ? decodeState(held.data) : null;
    const published = shown?.data[BUNDLE_KEY] ?? null;
    const now = clock.now();
    this.#observe(stored ?? this.#remembered, published, now);
    const step = nextStep({
      terms,
      now,
      sightSince: this.#sightSince,
      names,
      stored,
      remembered: this.#remembered,
      rememberedAt: this.#rememberedAt,
      published,
      publishedSince: this.#publishedSince,
      served: this.#served,
    });
    return await this.#do(step, {
      now,
      stored,
      secretVersion: held?.resourceVersion ?? null,
      bundleVersion: shown?.resourceVersion ?? null,
    });
  }

  async #do(step: CertificateStep, seen: Seen): Promise<"again" | "settled" | "waiting"> {
    switch (step.kind) {
      case "wait":
        this.#problem = `waiting for ${this.#options.secret.label} to be restored`;
        return "waiting";
      case "begin":
        return await this.#store(await this.#first(seen.now), seen, "made");
      case "store":
        return await this.#store(step.state, seen, seen.stored ? "completed" : "restored");
      case "publish":
        return await this.#publish(step.bundle, seen);
      case "succeed":
        return await this.#store(await this.#withSuccessor(step.state, seen.now), seen, "extended");
      case "issue": {
        const leaf = await this.#options.issuer.leaf(step.by, step.names, seen.now);
        return await this.#store(withLeaf(step.state, leaf), seen, "renewed");
      }
      case "serve":
        this.#serve(step.leaf);
        this.#settled(seen);
        return "settled";
      case "hold":
        this.#settled(seen);
        return "settled";
    }
  }

  async #first(now: number): Promise<CertificateState> {
    const { issuer, names } = this.#options;
    const authority = await issuer.authority(now);
    return { authorities: [authority], leaf: await issuer.leaf(authority, names, now) };
  }

  async #withSuccessor(state: CertificateState, now: number): Promise<CertificateState> {
    const successor = await this.#options.issuer.authority(now);
    return { ...state, authorities: [...state.authorities, successor] };
  }

  async #store(state: CertificateState, seen: Seen, what: string): Promise<"again"> {
    const { secret, log } = this.#options;
    const outcome = await secret.write(encodeState(state), seen.secretVersion);
    if (outcome === "written") log.info({ object: secret.label }, `certificate Secret ${what}`);
    return "again";
  }

  async #publish(bundle: string, seen: Seen): Promise<"again"> {
    const { configMap, log } = this.#options;
    const outcome = await configMap.write({ [BUNDLE_KEY]: bundle }, seen.bundleVersion);
    if (outcome === "written") {
      log.info({ object: configMap.label }, "certificate bundle published");
    }
    return "again";
  }

  #serve(leaf: Leaf): void {
    if (leaf.certificate === this.#served?.certificate) return;
    const { changed, log } = this.#options;
    changed({ cert: leaf.certificate, key: leaf.key });
    this.#served = leaf;
    const expiresAt = new Date(leaf.expiresAt).toISOString();
    log.info({ expiresAt, names: leaf.names, authority: leaf.authority }, "certificate served");
  }

  #settled(seen: Seen): void {
    this.#remembered = seen.stored;
    this.#rememberedAt = seen.now;
    this.#problem = null;
  }

  #observe(state: CertificateState | null, published: string | null, now: number): void {
    const blind = now - this.#readAt > BLIND_MS;
    const since = blind ? new Map<string, number>() : this.#publishedSince;
    if (blind) this.#sightSince = now;
    this.#readAt = now;
    const shown = (state?.authorities ?? []).filter((authority) =>
      published?.includes(bundleOf({ authorities: [authority] }))
    );
    this.#publishedSince = new Map(shown.map(({ id }) => [id, since.get(id) ?? now]));
  }

  #failed(thrown: unknown): void {
    const problem = thrown instanceof Error ? thrown.message : "certificate: unknown fault";
    if (problem !== this.#problem) {
      this.#options.log.warn({ error: problem }, "certificate not looked after");
    }
    this.#problem = problem;
  }
}

/** What one look at the cluster has found. */
interface Seen {
  readonly now: number;
  readonly stored: CertificateState | null;
  readonly secretVersion: string | null;
  readonly bundleVersion: string | null;
}
