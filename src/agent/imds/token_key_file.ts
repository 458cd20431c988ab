/** Saves the keys of session tokens in a file, so that tokens stay valid when the agent restarts. */
import { messageOf } from "../../telemetry/fault.ts";
import type { Log } from "../ports.ts";
import { TokenKeyRing } from "./token_keys.ts";

interface TokenKeyFileOptions {
  readonly files: {
    readTextFile(path: string): Promise<string>;
    writeFile(path: string, content: string, mode: number): Promise<void>;
  };
  /** `--state-dir` */
  readonly stateDir: string;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Log;
}

/** The file that holds the keys. */
export function tokenKeyFile(stateDir: string): string {
  return `${stateDir}/token-keys.json`;
}

/**
 * The keys of the last run, or new ones. If they can't be written, they stay in memory, with one
 * warning; pods then need new tokens after a restart, which SDKs request after a 401.
 */
export async function loadTokenKeys(options: TokenKeyFileOptions): Promise<TokenKeyRing> {
  const path = tokenKeyFile(options.stateDir);
  const saved = await options.files.readTextFile(path).catch(() => undefined);
  let warned = false;
  const changed = (text: string) => {
    options.files.writeFile(path, text, 0o600).catch((fault) => {
      if (warned) return;
      warned = true;
      const problem = messageOf(fault);
      options.log.warn({ path, problem }, "token keys are kept in memory only");
    });
  };
  return new TokenKeyRing({ saved, random: options.random, changed });
}
