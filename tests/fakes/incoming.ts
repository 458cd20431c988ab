/** A request as it would come off the wire, for tests of what answers it. */

export interface FakeRequest {
  readonly method?: string;
  readonly target?: string;
  /** Names and values; Host is 169.254.169.254 unless given. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly peer?: string;
  readonly local?: string;
  readonly peerPort?: number;
  readonly httpVersion?: string;
  readonly signal?: AbortSignal;
}

/** Fits `Incoming` of the runtime's contract; it has no body. */
export function fakeIncoming(request: FakeRequest = {}) {
  const given = request.headers ?? [];
  const hasHost = given.some(([name]) => name.toLowerCase() === "host");
  const all = hasHost ? given : [["Host", "169.254.169.254"] as const, ...given];
  const byName = Map.groupBy(all, ([name]) => name.toLowerCase());
  const valuesOf = (name: string) => byName.get(name)?.map(([, value]) => value) ?? [];
  const method = request.method ?? "GET";
  const { peer = "10.0.0.7", local = "192.168.1.10", peerPort = 40000 } = request;
  return {
    method,
    target: request.target ?? "/",
    httpVersion: request.httpVersion ?? "1.1",
    peer,
    local,
    connection: { peer, peerPort, local, localPort: 8181 },
    rawHeaders: all.flat(),
    header: (name: string) => byName.has(name) ? valuesOf(name).join(", ") : undefined,
    headerValues: valuesOf,
    body: () => null,
    signal: request.signal ?? new AbortController().signal,
    toRequest: (url: string) => new Request(url, { method, headers: all.map(([n, v]) => [n, v]) }),
  };
}
