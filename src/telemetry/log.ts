/**
 * The program's log: JSON lines for machines, or text for people. pino's small build does it: the
 * same levels and fields without the threads and file streams that would cost an agent 3 MB.
 */
// @ts-types="pino"
import { pino } from "pino/browser.js";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "json" | "text";

/** Fields first, then the message: an event's name that stays the same from version to version. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** `agent`, `server` or `dev`: on every line. */
  readonly component: string;
  /** Takes a whole line, newline included; false where it leaves that out. */
  readonly write: (line: string) => boolean | void;
}

/**
 * A log of one component. JSON lines carry `time` (ISO 8601), `level`, `component`, `msg`. Doesn't
 * throw for a field that JSON has no form for.
 */
export function createLog(options: LogOptions): Log {
  let leftOut = 0;
  const write = (entry: object) => {
    const line = jsonLine({ ...entry });
    const text = options.format === "json" ? line : textLine(JSON.parse(line));
    if (options.write(text) === false) return void leftOut++;
    if (leftOut === 0) return;
    const lines = leftOut;
    leftOut = 0;
    log.warn({ lines }, "log lines left out: nobody read them");
  };
  const formatters = { level: (level: string) => ({ level }) };
  const log = pino({
    level: options.level,
    timestamp: () => new Date().toISOString(),
    browser: { write, formatters },
  }).child({ component: options.component });
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
