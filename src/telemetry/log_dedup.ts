/**
 * Lines that say the same again are counted instead of written, so that a pod which asks in a loop
 * doesn't fill a disk. The same means: level, message and every text of it but the request's id;
 * figures such as attempts and durations make no line another.
 */
import type { Log, LogLevel } from "./log.ts";

interface RepeatsClock {
  /** Runs once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void;
}

/** The first line is written at once, those like it as one with `repeated`, a minute later. */
const windowMs = 60_000;
/** More kinds of lines at a time are written as they come. */
const maxKinds = 1_000;

interface Kind {
  readonly level: LogLevel;
  readonly message: string;
  /** Of the latest of them. */
  fields: object;
  count: number;
}

/** `log`, spared of repeats. */
export function dedupLog(log: Log, clock: RepeatsClock): Log {
  const kinds = new Map<string, Kind>();

  const ended = (key: string, kind: Kind) => {
    kinds.delete(key);
    if (kind.count === 0) return;
    log[kind.level]({ ...kind.fields, repeated: kind.count }, kind.message);
    if (kind.count > 1) open(key, { ...kind, count: 0 });
  };
  const open = (key: string, kind: Kind) => {
    if (kinds.size >= maxKinds) return;
    kinds.set(key, kind);
    clock.after(windowMs, () => ended(key, kind));
  };
  const write = (level: LogLevel) => (fields: object, message: string): void => {
    const key = `${level} ${message} ${textsOf(fields)}`;
    const known = kinds.get(key);
    if (known !== undefined) {
      known.count++;
      known.fields = fields;
      return;
    }
    log[level](fields, message);
    open(key, { level, message, fields, count: 0 });
  };
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
}

function textsOf(fields: object): string {
  return JSON.stringify(fields, (name, value) => {
    return name === "requestId" || typeof value === "number" ? undefined : value;
  });
}
