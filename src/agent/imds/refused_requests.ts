/**
 * Gives each refused request an id that both the pod and the log see, so that who reads the one
 * finds the other. Answers of the instance's own metadata service are passed on untouched.
 */
import type { RefusedRequestsOptions } from "../../telemetry/refused_request.ts";
import type { Ask, FrontRequest, Reply } from "./request_context.ts";

export type MarkRefusal = <T extends Reply | Response>(
  request: { readonly incoming: FrontRequest; readonly refused?: Reply | undefined },
  route: string,
  answer: T,
) => T | Reply;

export function refusedRequests({ random, tell }: RefusedRequestsOptions): MarkRefusal {
  const prefix = Math.floor(random() * 36 ** 5).toString(36).padStart(5, "0");
  let count = 0;
  return ({ incoming: { peer, method }, refused }, route, answer) => {
    const refusal = answer instanceof Response ? refused : answer;
    // Ours say why in a line; what is passed on comes as bytes.
    if (refusal === undefined || refusal.status < 400) return answer;
    if (typeof refusal.body !== "string") return answer;
    const requestId = `${prefix}-${(++count).toString(36)}`;
    const line = refusal.body.trimEnd();
    tell({ requestId, peer, method, route, status: refusal.status, answer: line });
    return named(answer, requestId) as typeof answer | Reply;
  };
}

/** What the app made of a refusal, for those who get the response that carries it. */
export function noteRefusal(ask: Ask, answer: Reply): void {
  if (answer.status >= 400) ask.refused = answer;
}

function named(answer: Reply | Response, requestId: string): Reply | Response {
  if (!(answer instanceof Response)) {
    return { ...answer, headers: [...answer.headers, ["X-Request-Id", requestId]] };
  }
  answer.headers.set("X-Request-Id", requestId);
  return answer;
}
