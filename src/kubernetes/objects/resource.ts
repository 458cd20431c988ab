/** Kinds of API objects, how they become facts, and where those facts go. */

/** Receives facts. Keys: uid for pods, name for namespaces, `namespace/name` for ServiceAccounts. */
export interface Sink<T> {
  /** A complete list: whatever isn't in it is gone. */
  replace(items: readonly T[]): void;
  upsert(item: T): void;
  remove(key: string): void;
}

/** The facts of an object, or why there are none; the key as far as it could be read. */
export type Picked<T> =
  | { readonly key: string; readonly item: T }
  | { readonly key: string | null; readonly problem: string };

/** A kind of object that can be listed and watched. */
export interface Resource<T> {
  /** Its name in RBAC, such as `pods`. */
  readonly plural: string;
  /** Path of the collection, such as `/api/v1/pods`. */
  readonly path: string;
  /** Total: gives a result for any value. */
  pick(object: unknown): Picked<T>;
}
