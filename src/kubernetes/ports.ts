/** What this room needs of the others, and the shape in which it hands objects on. */

export type { Clock } from "../time/clock.ts";

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Where facts go. Keys: uid for pods, name for namespaces, `namespace/name` for ServiceAccounts. */
export interface Sink<T> {
  /** A whole list: whatever isn't in it is gone. */
  replace(items: readonly T[]): void;
  upsert(item: T): void;
  remove(key: string): void;
}

/** What is kept of an object, or why nothing can be; the key as far as it could be read. */
export type Picked<T> =
  | { readonly key: string; readonly item: T }
  | { readonly key: string | null; readonly problem: string };

/** A kind of objects that can be listed and watched. */
export interface Resource<T> {
  /** The name RBAC knows it by, such as `pods`. */
  readonly plural: string;
  /** Path of the collection, such as `/api/v1/pods`. */
  readonly path: string;
  /** Total: any value whatever gives a result. */
  pick(object: unknown): Picked<T>;
}
