/**
 * Lets equal texts that arrive in different objects be one in memory: ten thousand pods name a few
 * hundred nodes, namespaces, ServiceAccounts and roles. Only a saving; nothing depends on it.
 */

const maxTexts = 20_000;

export class Interner {
  #texts = new Map<string, string>();

  /** The same text, as first seen. */
  share<T extends string | null>(text: T): T {
    if (text === null) return text;
    const known = this.#texts.get(text);
    if (known !== undefined) return known as T;
    if (this.#texts.size >= maxTexts) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}
