/**
 * Keeps pods off the metadata service by routing, so that a flush of the packet filter opens
 * nothing. `route_rules.ts` has the rules. A fault is logged and retried; it doesn't affect readiness,
 * since the redirect works without the guard.
 */
import { messageOf } from "../../telemetry/fault.ts";
import type { Family } from "./redirect_rules.ts";
import { routeFault } from "./route_fault.ts";
import { ownRoute, ownTable, readRouteRules, routePlan, routeRemoval } from "./route_rules.ts";
import type { Log, ProgramResult, RunProgram } from "../ports.ts";

export interface RouteGuard {
  /**
   * Reads the rules and repairs them; resolves to whether anything had to change.
   * @throws {RedirectFault} naming the remedy; a family that works is guarded all the same.
   */
  ensure(): Promise<boolean>;
}

const limits = { timeoutMs: 10_000 };

export function routeGuard(run: RunProgram, hasIpv6: boolean): RouteGuard {
  return {
    ensure: () => eachFamily(hasIpv6, (family) => ensureFamily(run, family)),
  };
}

/** Removes rules and route; resolves to whether there were any. */
export function removeRouteGuard(run: RunProgram, hasIpv6: boolean): Promise<boolean> {
  return eachFamily(hasIpv6, (family) => removeFamily(run, family));
}

/** Both families in turn, the second one too if the first fails. */
async function eachFamily(
  hasIpv6: boolean,
  act: (family: Family) => Promise<boolean>,
): Promise<boolean> {
  const first = await act(4).catch((fault: Error) => fault);
  const second = hasIpv6 ? await act(6) : false;
  if (first instanceof Error) throw first;
  return first || second;
}

async function ensureFamily(run: RunProgram, family: Family): Promise<boolean> {
  const routed = await ensureRoute(run, family);
  const plan = routePlan(family, readListed(await list(run, family)));
  if (plan.length === 0) return routed;
  const { code, stderr } = await batch(run, family, plan);
  if (routePlan(family, readListed(await list(run, family))).length === 0) return true;
  const why = code === 0 ? "the rules don't stay; another program removes them" : stderr;
  throw routeFault("ip rule add", { code: 1, stdout: "", stderr: why });
}

/** Whether the route was missing. Without it the rules still refuse pods, only more slowly. */
async function ensureRoute(run: RunProgram, family: Family): Promise<boolean> {
  const shown = await run("ip", [`-${family}`, "route", "show", "table", ownTable], limits);
  if (shown.stdout.trimStart().startsWith("local ")) return false;
  await run("ip", [`-${family}`, "route", "replace", ...ownRoute(family).split(" ")], limits);
  return true;
}

async function removeFamily(run: RunProgram, family: Family): Promise<boolean> {
  const listed = await list(run, family);
  if (listed.code === 127) return false;
  const plan = routeRemoval(readListed(listed));
  if (plan.length === 0) return false;
  const { code, stderr } = await batch(run, family, [...plan, `route del ${ownRoute(family)}`]);
  if (readListed(await list(run, family)).length === 0) return true;
  throw routeFault("ip rule del", { code, stdout: "", stderr });
}

function list(run: RunProgram, family: Family): Promise<ProgramResult> {
  return run("ip", [`-${family}`, "-j", "rule", "show"], limits);
}

/** Continues after a line that fails: another agent may have been faster. */
function batch(run: RunProgram, family: Family, plan: readonly string[]): Promise<ProgramResult> {
  const stdin = plan.map((line) => `${line}\n`).join("");
  return run("ip", [`-${family}`, "-force", "-batch", "-"], { ...limits, stdin });
}

function readListed(listed: ProgramResult): readonly string[] {
  if (listed.code !== 0) throw routeFault("ip rule show", listed);
  try {
    return readRouteRules(listed.stdout);
  } catch {
    const stderr = "its output is not the JSON of iproute2";
    throw routeFault("ip -j rule show", { code: 0, stdout: "", stderr });
  }
}

export interface GuardStatus {
  readonly inPlace: boolean;
  /** Times that rules were missing or changed after they had been put in place. */
  readonly repairs: number;
  /** One line with the remedy; null while all is well. */
  readonly lastError: string | null;
}

/** The guard's state after each round: in place, repaired, or the reason why not. */
export class GuardWatch {
  readonly #guard: RouteGuard;
  readonly #log: Log;
  #everInPlace = false;
  #status: GuardStatus = { inPlace: false, repairs: 0, lastError: null };

  constructor(guard: RouteGuard, log: Log) {
    this.#guard = guard;
    this.#log = log;
  }

  status(): GuardStatus {
    return this.#status;
  }

  /** One round: checks the rules, repairs them if needed, and never rejects. */
  async check(): Promise<void> {
    try {
      this.#held(await this.#guard.ensure());
    } catch (fault) {
      this.#failed(messageOf(fault));
    }
  }

  #held(changed: boolean): void {
    const repaired = changed && this.#everInPlace;
    const repairs = this.#status.repairs + Number(repaired);
    if (!this.#everInPlace) this.#log.info({}, "routing rules keep pods off the metadata service");
    if (repaired) this.#log.warn({ repairs }, "routing rules repaired");
    this.#everInPlace = true;
    this.#status = { inPlace: true, repairs, lastError: null };
  }

  #failed(problem: string): void {
    if (problem !== this.#status.lastError) {
      this.#log.warn(
        { problem },
        "no routing rules: while the packet filter is flushed, pods reach the metadata service",
      );
    }
    this.#status = { ...this.#status, inPlace: false, lastError: problem };
  }
}
