/** A credential cache whose states a test sets; it records which pods hold what. */
import type { RoleIdentity } from "../../src/policy/facts.ts";
import type { Credentials, CredentialState } from "../../src/server/ports.ts";

/** Plainly fake credentials, the same for the same `id`. */
export function fakeCredentials(id: string, issuedAt: number, seconds = 3600): Credentials {
  return {
    accessKeyId: `ASIA${id}`,
    secretAccessKey: `secret-${id}`,
    sessionToken: `session-${id}`,
    issuedAt,
    expiresAt: issuedAt + seconds * 1000,
  };
}

export class FakeCredentialCache {
  readonly holders = new Map<string, Set<string>>();
  readonly retried: string[] = [];
  readonly states = new Map<string, CredentialState>();
  readonly #listeners: ((key: string) => void)[] = [];

  hold(key: string, _identity: RoleIdentity, holder: string, _namespace: string): void {
    this.holders.set(key, (this.holders.get(key) ?? new Set()).add(holder));
  }

  release(key: string, holder: string): void {
    this.holders.get(key)?.delete(holder);
    if (this.holders.get(key)?.size === 0) this.holders.delete(key);
  }

  state(key: string): CredentialState {
    return this.states.get(key) ?? { kind: "pending" };
  }

  retry(key: string): void {
    this.retried.push(key);
  }

  subscribe(changed: (key: string) => void): void {
    this.#listeners.push(changed);
  }

  /** Calls its listeners: a key's state has changed. */
  changed(key: string): void {
    for (const changed of this.#listeners) changed(key);
  }
}
