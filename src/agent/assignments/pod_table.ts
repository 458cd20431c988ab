/** Pods by UID and by address; the caller decides between several claims to an address. */
import type { HeldPod } from "./held_pod.ts";

export class PodTable {
  readonly #byUid = new Map<string, HeldPod>();
  readonly #byAddress = new Map<string, readonly HeldPod[]>();
  readonly #changed: (key: string) => void;

  /** `changed` is called for every UID and every address whose pod came, went or changed. */
  constructor(changed: (key: string) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#byUid.size;
  }

  get(uid: string): HeldPod | undefined {
    return this.#byUid.get(uid);
  }

  withConfigHash(hash: string): HeldPod | undefined {
    return [...this.#byUid.values()].find(({ configHash }) => configHash === hash);
  }

  claims(ip: string): readonly HeldPod[] {
    return this.#byAddress.get(ip) ?? [];
  }

  put(held: HeldPod): void {
    const before = this.#byUid.get(held.pod.uid);
    if (before) this.#unindex(before);
    this.#byUid.set(held.pod.uid, held);
    for (const ip of held.ips) this.#byAddress.set(ip, [...this.claims(ip), held]);
    this.#changed(held.pod.uid);
    for (const ip of new Set([...before?.ips ?? [], ...held.ips])) this.#changed(ip);
  }

  remove(uid: string): void {
    const held = this.#byUid.get(uid);
    if (!held) return;
    this.#byUid.delete(uid);
    this.#unindex(held);
    this.#changed(uid);
    for (const ip of held.ips) this.#changed(ip);
  }

  retain(uids: ReadonlySet<string>): void {
    for (const uid of [...this.#byUid.keys()]) if (!uids.has(uid)) this.remove(uid);
  }

  #unindex(held: HeldPod): void {
    for (const ip of held.ips) {
      const left = this.claims(ip).filter((other) => other !== held);
      if (left.length > 0) this.#byAddress.set(ip, left);
      else this.#byAddress.delete(ip);
    }
  }
}
