/** A refused request as the log tells it, under the id that the client was given too. */

/** How often it is written is the log's business. */
export interface RefusedRequest {
  readonly requestId: string;
  readonly peer: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  /** The line of text that the client got. */
  readonly answer: string;
}

export interface RefusedRequestsOptions {
  /** 0 up to 1; sets this process's ids apart from those of replicas and successors. */
  readonly random: () => number;
  readonly tell: (refused: RefusedRequest) => void;
}
