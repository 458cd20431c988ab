/** The program's log: one line per event, JSON for machines or text for people. */

const levels = ["debug", "info", "warn", "error"] as const;

export type LogLevel = (typeof levels)[number];
export type LogFormat = "json" | "text";

/** Fields first, then the message: the event's name, which stays the same between versions. */
export type Log = Readonly<Record<LogLevel, (fields: object, message: string) => void>>;

interface LogOptions {
  /** Events below this level are not written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** `agent`, `server` or `dev`: on every line. */
  readonly component: string;
  /** Takes a whole line, newline included; returns false if it drops the line. */
  readonly write: (line: string) => boolean | void;
}

/**
 * JSON lines carry `time` (ISO 8601), `level`, `component`, `msg`, which no field can replace. Never
 * throws; a field that JSON can't represent is written as a string.
 */
export function createLog({ level: lowest, format, component, write }: LogOptions): Log {
  let dropped = 0;
  const log = (level: LogLevel) => (fields: object, msg: string): void => {
    if (levels.indexOf(level) < levels.indexOf(lowest)) return;
    const own = { level, time: new Date().toISOString(), component, msg };
    const line = jsonLine({ ...own, ...fields, ...own });
    if (write(format === "json" ? line : textLine(JSON.parse(line))) === false) {
      return void dropped++;
    }
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    log("warn")({ lines }, "log lines dropped: the reader was too slow");
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

function jsonLine(entry: Record<string, unknown>): string {
  try {
    return `${JSON.stringify(entry)}\n`;
  } catch {
    const texts = Object.entries(entry).map(([name, value]) => [name, String(value)]);
    return `${JSON.stringify(Object.fromEntries(texts))}\n`;
  }
}

/** `12:30:01 WARN  agent: message name=value …` */
function textLine(entry: Record<string, unknown>): string {
  const { level, time, component, msg, ...fields } = entry;
  const clock = String(time).slice(11, 19);
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`).join("");
  return `${clock} ${String(level).toUpperCase().padEnd(5)} ${component}: ${msg}${rest}\n`;
}

function shown(value: unknown): string {
  if (typeof value === "string" && /^[\w.:/@+-]+$/.test(value)) return value;
  return JSON.stringify(value);
}
