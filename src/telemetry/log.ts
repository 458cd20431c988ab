/** The program's log: JSON lines for machines, or text for people. */
export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "json" | "text";

/** Fields first, then the message: an event's name that stays the same from version to version. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** `agent`, `server` or `dev`: on every line. */
  readonly component: string;
  /** Takes a whole line, newline included; false where it leaves that out. */
  readonly write: (line: string) => boolean | void;
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/**
 * A log of one component. JSON lines carry `time` (ISO 8601), `level`, `component`, `msg`. Doesn't
 * throw for a field that JSON has no form for.
 */
export function createLog({ level: least, format, component, write }: LogOptions): Log {
  let leftOut = 0;
  const put = (line: string) => {
    const text = format === "json" ? line : textLine(JSON.parse(line));
    if (write(text) === false) return void leftOut++;
    if (leftOut === 0) return;
    const lines = leftOut;
    leftOut = 0;
    log.warn({ lines }, "log lines left out: nobody read them");
  };
  const at = (level: LogLevel) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return () => {};
    return (fields: object, msg: string) => {
      put(jsonLine({ level, time: new Date().toISOString(), component, ...fields, msg }));
    };
  };
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return log;
}

function jsonLine(entry: Record<string, unknown>): string {
  try {
    return `${JSON.stringify(entry)}\n`;
  } catch {
    const texts = Object.entries(entry).map(([name, value]) => [name, String(value)]);
    return `${JSON.stringify(Object.fromEntries(texts))}\n`;
  }
}

/** `12:30:01 WARN agent: message name=value …` */
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
