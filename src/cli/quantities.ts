/** Times, counts and lists as people write them. */

/** Coarse, so that pages don't change every second: `40 s`, `12 min`, `5 h`, `3 d`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return seconds < 10 ? "a moment" : `${Math.floor(seconds / 10) * 10} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

/** `1 pod`, `2 pods`. */
export function counted(count: number, noun: string, plural: string = noun + "s"): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** `a, b and 3 more`, with at most `max` names. */
export function listed(names: readonly string[], max: number): string {
  const more = names.length > max ? ` and ${names.length - max} more` : "";
  return names.slice(0, max).join(", ") + more;
}
