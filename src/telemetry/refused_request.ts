/** Refused requests, and the IDs under which both the client and the log see them. */

export interface RefusedRequest {
  readonly requestId: string;
  readonly peer: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  /** The line of text sent to the client. */
  readonly answer: string;
}

/** IDs of one process: a random prefix, so that replicas and restarts differ, and a counter. */
export function requestIds(random: () => number): () => string {
  const prefix = Math.floor(random() * 36 ** 5).toString(36).padStart(5, "0");
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}

export interface RefusedRequestsOptions {
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly report: (refused: RefusedRequest) => void;
}
