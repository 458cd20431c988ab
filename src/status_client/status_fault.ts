/** No server answers (`unreachable`), or not as a server does; the message says which and what to do. */
export class StatusFault extends Error {
  override readonly name = "StatusFault";
  readonly code: "unreachable" | "refused";

  constructor(code: "unreachable" | "refused", message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
