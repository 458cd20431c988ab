/**
 * Log deduplication: repeated lines are counted instead of written, so that a pod requesting in a
 * loop doesn't fill a disk. Two lines are the same if level, message and all texts but the request
 * ID are; numbers such as attempts and durations don't distinguish them.
 */
import type { Clock } from "../time/clock.ts";
import { backgroundTimer } from "../time/system_clock.ts";
import { createLog, type Log, type LogFormat, type LogLevel } from "./log.ts";

/** The first line is written at once; repeats follow after this time as one line with `repeated`. */
const windowMs = 60_000;
/** Beyond this many different lines per window, lines are written as they come. */
const maxKinds = 1_000;

interface Kind {
  readonly level: LogLevel;
  readonly message: string;
  /** Of the latest repeat. */
  fields: object;
  count: number;
}

/** A program's log, as its flags say. `write` as for {@link createLog}. */
export function programLog(
  component: string,
  { logLevel: level, logFormat: format }: {
    readonly logLevel: LogLevel;
    readonly logFormat: LogFormat;
  },
  write: Parameters<typeof createLog>[0]["write"],
): Log {
  return dedupLog(createLog({ level, format, component, write }), backgroundTimer);
}

/** `log` without repeats; debug lines are always written. */
export function dedupLog(log: Log, clock: Pick<Clock, "after">): Log {
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
  return { debug: log.debug, info: write("info"), warn: write("warn"), error: write("error") };
}

function textsOf(fields: object): string {
  return JSON.stringify(fields, (name, value) => {
    return name === "requestId" || /number|bigint/.test(typeof value) ? undefined : value;
  });
}
