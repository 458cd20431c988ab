/**
 * The AWS SDK's requests over our own HTTP client, which knows about proxies and is the same on both
 * runtimes. The SDK also hands it to the clients by which it finds the server's own credentials.
 */
import type { HttpClient } from "../runtime/http/types.ts";
import { type DeadlineOptions, withDeadline } from "../time/deadline.ts";

/** The parts of the SDK's HttpRequest that STS uses. */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

interface SdkRequestOptions {
  readonly abortSignal?: unknown;
}

/** `sending` is called with the signal of each request before it is sent. */
export function sdkRequestHandler(
  http: Pick<HttpClient, "fetch">,
  deadline: DeadlineOptions,
  sending: (signal: unknown) => void,
) {
  return {
    metadata: { handlerProtocol: "http/1.1" },
    async handle(request: SdkRequest, { abortSignal }: SdkRequestOptions = {}) {
      sending(abortSignal);
      const given = abortSignal instanceof AbortSignal ? { signal: abortSignal } : {};
      return await withDeadline({ ...deadline, ...given }, async (signal) => {
        const { method, headers, body = null } = request;
        const response = await http.fetch(urlOf(request), { method, headers, body, signal });
        return { response: await sdkResponse(response) };
      });
    },
    // Required of a handler; there is nothing to configure from outside.
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  };
}

function urlOf({ protocol, hostname, port, path, query = {} }: SdkRequest): string {
  const url = new URL(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`);
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) url.searchParams.append(name, one ?? "");
  }
  return url.href;
}

async function sdkResponse(response: Response) {
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: new Uint8Array(await response.arrayBuffer()),
  };
}
