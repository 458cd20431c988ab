/**
 * The self-managed serving certificate: replicas issue and renew it in a shared Secret, and publish
 * its authorities in a ConfigMap. A reconcile loop: read both, let `certificate_plan.ts` choose the
 * next step, carry it out, and after a conflict with another replica's write read again.
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
import { instant } from "../../time/instant.ts";
import { pause } from "../../time/pause.ts";
import { messageOf } from "../../telemetry/fault.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";

/** One object of the cluster, with optimistic locking. */
export interface SharedObject {
  /** For messages, such as `Secret rolecall/rolecall-server-tls`. */
  readonly label: string;
  read(): Promise<
    { readonly resourceVersion: string; readonly data: Readonly<Record<string, string>> } | null
  >;
  /** `conflict`: it has changed since it was read; with null: it exists by now. */
  write(
    data: Readonly<Record<string, string>>,
    resourceVersion: string | null,
  ): Promise<"written" | "conflict">;
}

interface ServingCertificateOptions {
  readonly secret: SharedObject;
  readonly configMap: SharedObject;
  readonly issuer: CertificateIssuer;
  /** DNS names and addresses under which agents reach the server. */
  readonly names: readonly string[];
  readonly terms?: CertificateTerms;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Called with the first certificate and each new one, for new connections. */
  changed(tls: { readonly cert: string; readonly key: string }): void;
}

/** The key in the ConfigMap that agents mount. */
const bundleKey = "ca.crt";
const checkMs = 30_000;
/** After a failure, or while waiting. */
const retryAfter = { minMs: 1_000, maxMs: checkMs };
/** More consecutive steps than are ever needed. */
const maxSteps = 12;
/** After a gap this long, it is unknown what was published meanwhile. */
const outageMs = 2 * 60_000;

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

  /** When the served certificate expires, milliseconds since the epoch; null before the first. */
  certificateExpiresAt(): number | null {
    return this.#served?.expiresAt ?? null;
  }

  /** What is wrong, with the object's name; null if nothing is. For readiness. */
  problem(): string | null {
    return this.#problem;
  }

  /** Maintains the certificate until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const backoff = new Backoff({ ...retryAfter, random });
    while (!signal.aborted) {
      const done = await this.refresh();
      if (done) backoff.reset();
      await pause(clock, done ? checkMs : backoff.next(), signal);
    }
  }

  /**
   * Carries out as many steps as are possible now. True if nothing is left to do. A fault is logged
   * and becomes the {@link problem}; the served certificate stays.
   */
  async refresh(): Promise<boolean> {
    try {
      for (let count = 0; count < maxSteps; count++) {
        const outcome = await this.#step();
        if (outcome !== "again") return outcome === "done";
      }
      return false;
    } catch (fault) {
      this.#failed(fault);
      return false;
    }
  }

  async #step(): Promise<"again" | "done" | "waiting"> {
    const { secret, configMap, clock, names, terms = certificateTerms } = this.#options;
    // Read the bundle first: its resourceVersion is then older than the state that a new bundle is
    // made from, so a bundle of an older state can't overwrite one of a newer state.
    const shown = await configMap.read();
    const held = await secret.read();
    const stored = held ? decodeState(held.data) : null;
    const published = shown?.data[bundleKey] ?? null;
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
    return await this.#carryOut(step, {
      now,
      stored,
      secretVersion: held?.resourceVersion ?? null,
      bundleVersion: shown?.resourceVersion ?? null,
    });
  }

  async #carryOut(step: CertificateStep, seen: Seen): Promise<"again" | "done" | "waiting"> {
    switch (step.kind) {
      case "wait":
        this.#problem = `waiting for another replica to restore ${this.#options.secret.label}`;
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
        this.#maintained(seen);
        return "done";
      case "hold":
        this.#maintained(seen);
        return "done";
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
    const outcome = await configMap.write({ [bundleKey]: bundle }, seen.bundleVersion);
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
    const expiresAt = instant(leaf.expiresAt);
    log.info({ expiresAt, names: leaf.names, authority: leaf.authority }, "certificate served");
  }

  #maintained(seen: Seen): void {
    this.#remembered = seen.stored;
    this.#rememberedAt = seen.now;
    this.#problem = null;
  }

  #observe(state: CertificateState | null, published: string | null, now: number): void {
    const blind = now - this.#readAt > outageMs;
    const since = blind ? new Map<string, number>() : this.#publishedSince;
    if (blind) this.#sightSince = now;
    this.#readAt = now;
    const shown = (state?.authorities ?? []).filter((authority) =>
      published?.includes(bundleOf({ authorities: [authority] }))
    );
    this.#publishedSince = new Map(shown.map(({ id }) => [id, since.get(id) ?? now]));
  }

  #failed(fault: unknown): void {
    const problem = messageOf(fault);
    if (problem !== this.#problem) {
      this.#options.log.warn({ error: problem }, "certificate maintenance failed");
    }
    this.#problem = problem;
  }
}

/** What was read in one step. */
interface Seen {
  readonly now: number;
  readonly stored: CertificateState | null;
  readonly secretVersion: string | null;
  readonly bundleVersion: string | null;
}
