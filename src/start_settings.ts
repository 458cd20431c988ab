/** What a command runs with, however it was started; docs/performance.md has the worth of each. */
import type { StartSettings } from "./runtime/start_anew.ts";

const malloc = { MALLOC_MMAP_THRESHOLD_: "30000", MALLOC_TRIM_THRESHOLD_: "65536" };

export const startSettings: Readonly<Record<string, StartSettings>> = {
  agent: {
    v8: ["--max-semi-space-size=1", "--heap-growing-percent=10", "--no-maglev"],
    env: { ...malloc, MALLOC_ARENA_MAX: "1" },
  },
  server: { v8: ["--max-semi-space-size=1"], env: malloc },
};
