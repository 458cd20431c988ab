/**
 * Whether the instance itself would answer a pod that got past the agent. If its metadata service
 * takes requests without a token (`HttpTokens=optional`), the hop limit protects nothing: it applies
 * to the answer to the token PUT alone (EC2 User Guide, "Configure the instance metadata options").
 * If tokens are required, the hop limit decides, and that can't be seen from the node.
 */
import { pause } from "../../time/pause.ts";
import { withDeadline } from "../../time/deadline.ts";
import type { Clock, Log } from "../ports.ts";

interface InstanceCheckOptions {
  /** `--metadata-url`, without a trailing slash. */
  readonly metadataUrl: string;
  readonly fetch: (url: string, init: { readonly signal: AbortSignal }) => Promise<Response>;
  readonly clock: Clock;
  readonly log: Log;
}

const timeoutMs = 2000;
/** The instance's options can be changed while it runs. */
const everyMs = 10 * 60_000;

export class InstanceCheck {
  readonly #options: InstanceCheckOptions;
  #answers: boolean | null = null;

  constructor(options: InstanceCheckOptions) {
    this.#options = options;
  }

  /** null: not known, or nothing answers there. */
  answersWithoutToken(): boolean | null {
    return this.#answers;
  }

  /** Checks at once and every ten minutes until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#note(await this.#check(signal));
      await pause(this.#options.clock, everyMs, signal);
    }
  }

  async #check(signal: AbortSignal): Promise<boolean | null> {
    const { clock, fetch, metadataUrl } = this.#options;
    try {
      return await withDeadline({ clock, ms: timeoutMs, signal }, async (ends) => {
        const response = await fetch(`${metadataUrl}/latest/meta-data/`, { signal: ends });
        await response.body?.cancel();
        return response.status === 200 ? true : response.status === 401 ? false : null;
      });
    } catch {
      return null;
    }
  }

  #note(answers: boolean | null): void {
    if (answers === this.#answers) return;
    this.#answers = answers;
    const { log } = this.#options;
    if (answers === true) {
      const remedy = "aws ec2 modify-instance-metadata-options --http-tokens required " +
        "--http-put-response-hop-limit 1";
      log.warn({ remedy }, "the instance answers requests without a token, also from pods");
    }
    if (answers === false) log.info({}, "the instance requires tokens");
  }
}
