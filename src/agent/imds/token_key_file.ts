/** Keeps the keys of session tokens in a file, so that tokens outlive a restart of the agent. */
import type { Log } from "../ports.ts";
import { TokenKeyRing } from "./token_keys.ts";

export interface TokenKeyFileParts {
  readonly files: {
    readTextFile(path: string): Promise<string>;
    writeFile(path: string, content: string, mode: number): Promise<void>;
  };
  /** `--state-dir` */
  readonly stateDir: string;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Log;
}

/**
 * The keys of the last run, or new ones. Where they can't be written they live in memory and a
 * warning says so, once; pods then ask for new tokens after a restart, as after a 401.
 */
export async function loadTokenKeys(parts: TokenKeyFileParts): Promise<TokenKeyRing> {
  const path = `${parts.stateDir}/token-keys.json`;
  const saved = await parts.files.readTextFile(path).catch(() => undefined);
  let warned = false;
  const changed = (text: string) => {
    parts.files.writeFile(path, text, 0o600).catch((fault) => {
      if (warned) return;
      warned = true;
      const problem = fault instanceof Error ? fault.message : String(fault);
      parts.log.warn({ path, problem }, "token keys kept in memory only");
    });
  };
  return new TokenKeyRing({ saved, random: parts.random, changed });
}
