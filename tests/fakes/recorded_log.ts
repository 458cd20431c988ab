/** A log that a test looks through. */

export class RecordedLog {
  readonly lines: { readonly level: string; readonly fields: object; readonly message: string }[] =
    [];

  debug(fields: object, message: string): void {
    this.lines.push({ level: "debug", fields, message });
  }
  info(fields: object, message: string): void {
    this.lines.push({ level: "info", fields, message });
  }
  warn(fields: object, message: string): void {
    this.lines.push({ level: "warn", fields, message });
  }
  error(fields: object, message: string): void {
    this.lines.push({ level: "error", fields, message });
  }

  /** Lines with this message. */
  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }

  /** Everything, as JSON. */
  text(): string {
    return JSON.stringify(this.lines);
  }
}
