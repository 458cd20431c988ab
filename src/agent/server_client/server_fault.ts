/** What can go wrong between agent and server. Every fault is retried; none carries a token. */

type ServerFaultCode =
  | "not_ready"
  | "unreachable"
  | "refused"
  | "silent"
  | "malformed"
  | "ended"
  | "replaced";

export class ServerFault extends Error {
  override readonly name = "ServerFault";
  readonly code: ServerFaultCode;

  constructor(code: ServerFaultCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Another's text as one short line, fit for a log and the readiness page. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what has to go
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim().slice(0, 300);
}
