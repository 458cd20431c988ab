/** What Deno runs each command with, however it was started; docs/performance.md has their worth. */
import type { StartSettings } from "./runtime/start_anew.ts";

export const startSettings: Readonly<Record<string, StartSettings>> = {
  agent: {
    options: ["--no-code-cache", "--node-modules-dir=manual"],
    env: {
      DENO_V8_FLAGS: "--max-semi-space-size=1,--heap-growing-percent=10,--no-maglev",
      MALLOC_ARENA_MAX: "1",
      MALLOC_MMAP_THRESHOLD_: "30000",
      MALLOC_TRIM_THRESHOLD_: "65536",
    },
  },
  server: {
    options: ["--no-code-cache", "--node-modules-dir=manual"],
    env: {
      DENO_V8_FLAGS: "--max-semi-space-size=1",
      MALLOC_MMAP_THRESHOLD_: "30000",
      MALLOC_TRIM_THRESHOLD_: "65536",
    },
  },
};
