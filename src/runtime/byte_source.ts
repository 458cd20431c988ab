/**
 * A body of known length on its way from one socket to another, without a stream's objects between
 * them. It keeps the reader's pace.
 */

/** Where the bytes go. */
export interface ByteSink {
  /** False where it has enough for now: nothing comes until `resume()`. */
  chunk(bytes: Uint8Array): boolean;
  end(): void;
  /** There will be no more, though it isn't the end. */
  fail(): void;
}

/** To be started or cancelled, once. */
export interface ByteSource {
  /** Exactly so many bytes come before the end. */
  readonly length: number;
  start(sink: ByteSink): void;
  resume(): void;
  cancel(): void;
}

/** What a socket and an answer of node:http have in common. */
interface Outlet {
  write(bytes: Uint8Array): boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
  off(event: "drain" | "close", listener: () => void): unknown;
}

/** Writes all of it; `done(false)` where the source failed or the outlet closed before the end. */
export function pour(source: ByteSource, outlet: Outlet, done: (whole: boolean) => void): void {
  const resume = () => source.resume();
  const gone = () => {
    source.cancel();
    finish(false);
  };
  const finish = (whole: boolean) => {
    outlet.off("drain", resume);
    outlet.off("close", gone);
    done(whole);
  };
  outlet.on("drain", resume);
  outlet.on("close", gone);
  source.start({
    chunk: (bytes) => outlet.write(bytes),
    end: () => finish(true),
    fail: () => finish(false),
  });
}
