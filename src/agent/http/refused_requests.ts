/**
 * Gives each refused request an ID that both the pod and the log see. Answers of the instance's own
 * metadata service are passed through unchanged.
 */
import { type RefusedRequestsOptions, requestIds } from "../../telemetry/refused_request.ts";
import type { Incoming, Reply } from "../../net/http_messages.ts";

export type MarkRefusal = (
  incoming: Pick<Incoming, "peer" | "method">,
  route: string,
  reply: Reply,
) => Reply;

export function refusedRequests({ random, report }: RefusedRequestsOptions): MarkRefusal {
  const nextId = requestIds(random);
  return ({ peer, method }, route, reply) => {
    const { status, headers, body } = reply;
    // Our own refusals are a line of text; what is passed through is bytes or a stream.
    if (status < 400 || typeof body !== "string") return reply;
    const requestId = nextId();
    report({ requestId, peer, method, route, status, answer: body.trimEnd() });
    return { ...reply, headers: [...headers, ["X-Request-Id", requestId]] };
  };
}
