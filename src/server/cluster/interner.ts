/**
 * Shares equal strings from different objects, to save memory: ten thousand pods name a few hundred
 * nodes, namespaces, ServiceAccounts and roles.
 */

const maxTexts = 20_000;

export class Interner {
  #texts = new Map<string, string>();

  /** An equal string, the first that was seen. */
  intern<T extends string | null>(text: T): T {
    if (text === null) return text;
    const known = this.#texts.get(text);
    if (known !== undefined) return known as T;
    if (this.#texts.size >= maxTexts) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}
