/** A server as the agent's client sees it, with streams that a test writes to. */
import type { Frame } from "../../src/protocol/frames.ts";
import type { ServerClient } from "../../src/agent/server_client/server_access.ts";

interface OpenedStream {
  readonly address: string;
  readonly token: string;
  /** The agent has gone. */
  readonly cancelled: boolean;
  send(...frames: Frame[]): void;
  sendText(text: string): void;
  end(): void;
}

type Behaviour = "serves" | "refuses" | "hangs" | "unreachable";

/** Every request it got, and every stream it opened, in order. */
export class FakeAgentServer implements ServerClient {
  readonly streams: OpenedStream[] = [];
  readonly requested: string[] = [];
  readonly behaviour = new Map<string, Behaviour>();
  /** Answers whatever isn't the stream. */
  answer: (path: string, body: string | undefined) => Response = () =>
    new Response("not found", { status: 404 });

  async fetch(url: string, init: Parameters<ServerClient["fetch"]>[1] = {}): Promise<Response> {
    const path = new URL(url).pathname;
    const address = init.address ?? "";
    this.requested.push(`${address} ${init.method ?? "GET"} ${path}`);
    const behaviour = this.behaviour.get(address) ?? "serves";
    if (behaviour === "unreachable") throw new Error("connect ECONNREFUSED");
    if (behaviour === "refuses") return new Response("the token is\nnot ours", { status: 401 });
    if (behaviour === "hangs") return await aborted(init.signal);
    if (path !== "/v1/assignments") return this.answer(path, init.body);
    return new Response(this.#open(address, init), { status: 200 });
  }

  #open(address: string, init: NonNullable<Parameters<ServerClient["fetch"]>[1]>): ReadableStream {
    const state = { cancelled: false };
    const encoder = new TextEncoder();
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const sendText = (text: string) => controller.enqueue(encoder.encode(text));
        this.streams.push({
          address,
          token: init.headers?.["Authorization"] ?? "",
          get cancelled() {
            return state.cancelled;
          },
          sendText,
          send: (...frames) => frames.forEach((frame) => sendText(JSON.stringify(frame) + "\n")),
          end: () => controller.close(),
        });
      },
      cancel: () => void (state.cancelled = true),
    });
  }
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
