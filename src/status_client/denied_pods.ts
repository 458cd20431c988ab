/** Denied pods, grouped by cause: the commands that list them begin with what stops the most. */

export interface DeniedPod {
  readonly namespace: string;
  readonly name: string;
  readonly reason: string;
  readonly message: string;
}

export interface Cause {
  readonly reason: string;
  readonly message: string;
  /** `namespace/name`, in order. */
  readonly pods: readonly string[];
}

/** The causes with the most pods first; of as many, by reason and text. */
export function causesOf(denied: readonly DeniedPod[]): readonly Cause[] {
  const causes = new Map<string, { reason: string; message: string; pods: string[] }>();
  for (const { namespace, name, reason, message } of denied) {
    const key = JSON.stringify([reason, message]);
    const cause = causes.get(key) ?? { reason, message, pods: [] };
    cause.pods.push(`${namespace}/${name}`);
    causes.set(key, cause);
  }
  for (const { pods } of causes.values()) pods.sort();
  return [...causes.values()].sort((a, b) =>
    b.pods.length - a.pods.length || inOrder(a.reason, b.reason) || inOrder(a.message, b.message)
  );
}

function inOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
