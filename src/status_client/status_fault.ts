/**
 * Either no server answers (`unreachable`), or what answers isn't a Rolecall server; the message
 * says which, and what to do.
 */
export class StatusFault extends Error {
  override readonly name = "StatusFault";
  readonly code: "unreachable" | "refused";

  constructor(code: "unreachable" | "refused", message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
