/**
 * A body of known length on its way from one socket to another, without a stream's objects between
 * them. It keeps the reader's pace.
 */

/** Where the bytes go. */
export interface ByteSink {
  /** The bytes are the sink's until it calls `resume()`; nothing further comes before. */
  chunk(bytes: Uint8Array): void;
  end(): void;
  /** There will be no more, though it isn't the end. */
  fail(): void;
}

/** To be started or cancelled, once. */
export interface BodySource {
  /** Exactly so many bytes come before the end. */
  readonly length: number;
  start(sink: ByteSink): void;
  /** The last piece has been used. */
  resume(): void;
  cancel(): void;
}

/** What a socket and an answer of node:http have in common. */
interface Outlet {
  write(bytes: Uint8Array, written: () => void): boolean;
  on(event: "close", listener: () => void): unknown;
  off(event: "close", listener: () => void): unknown;
}

/** Writes all of it; `done(false)` where the source failed or the outlet closed before the end. */
export function pour(source: BodySource, outlet: Outlet, done: (whole: boolean) => void): void {
  const resume = () => source.resume();
  const gone = () => {
    source.cancel();
    finish(false);
  };
  const finish = (whole: boolean) => {
    outlet.off("close", gone);
    done(whole);
  };
  outlet.on("close", gone);
  source.start({
    chunk: (bytes) => void outlet.write(bytes, resume),
    end: () => finish(true),
    fail: () => finish(false),
  });
}
