/** Makes a scenario smaller as long as it still fails: fewer steps, nodes and servers, less time. */
import type { Scenario, Setting, Step } from "./scenario.ts";

interface ShrinkOptions {
  readonly fails: (scenario: Scenario) => Promise<boolean>;
  /** Scenarios to be tried at most. */
  readonly tries: number;
}

export async function shrink(scenario: Scenario, options: ShrinkOptions): Promise<Scenario> {
  return await new Shrinking(scenario, options).run();
}

class Shrinking {
  #best: Scenario;
  #left: number;
  readonly #fails: ShrinkOptions["fails"];

  constructor(scenario: Scenario, { fails, tries }: ShrinkOptions) {
    this.#best = scenario;
    this.#left = tries;
    this.#fails = fails;
  }

  async run(): Promise<Scenario> {
    await this.#shrinkSetting();
    let size = Math.ceil(this.#best.steps.length / 2);
    while (size >= 1 && this.#left > 0) {
      const smaller = await this.#withoutChunks(size);
      if (size === 1 && !smaller) break;
      if (!smaller || size > 1) size = Math.max(1, Math.floor(size / 2));
    }
    await this.#shrinkSetting();
    return this.#best;
  }

  async #shrinkSetting(): Promise<void> {
    const { nodes, servers } = this.#best.setting;
    for (let node = nodes; node > 1; node--) {
      await this.#try({ nodes: node - 1 }, withoutHost(this.#best.steps, node));
    }
    for (let server = servers; server > 1; server--) await this.#try({ servers: server - 1 });
    for (const share of [0.5, 0.75, 0.9]) {
      const shorter = () => this.#try({ seconds: Math.ceil(this.#best.setting.seconds * share) });
      while (this.#best.setting.seconds > 10 && await shorter()) continue;
    }
  }

  /** Whether leaving out any such chunk has worked. */
  async #withoutChunks(size: number): Promise<boolean> {
    let worked = false;
    for (let from = 0; from < this.#best.steps.length && this.#left > 0;) {
      const { steps } = this.#best;
      if (await this.#try({}, [...steps.slice(0, from), ...steps.slice(from + size)])) {
        worked = true;
      } else from += size;
    }
    return worked;
  }

  async #try(setting: Partial<Setting>, steps: readonly Step[] = this.#best.steps) {
    if (this.#left-- <= 0) return false;
    const changed = { ...this.#best.setting, ...setting };
    const smaller = { setting: changed, steps: steps.filter(({ at }) => at < changed.seconds) };
    if (!await this.#fails(smaller)) return false;
    this.#best = smaller;
    return true;
  }
}

/** Without the steps of one node and of its agent; its pods go with it. */
function withoutHost(steps: readonly Step[], node: number): readonly Step[] {
  const names = new Set([`node-${node}`, `agent-${node}`]);
  return steps.filter(({ words }) => !words.some((word) => names.has(word)));
}
