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
