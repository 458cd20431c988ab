import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { constantPages } from "./give_back.ts";

const maps = `\
560c5ea31000-560c605bf000 r--p 00000000 fe:00 762322                     /usr/bin/deno
560c60835000-560c64529000 r-xp 01b8e000 fe:00 762322                     /usr/bin/deno
560c64529000-560c6479b000 rw-p 05881000 fe:00 762322                     /usr/bin/deno
560c6479b000-560c647ac000 r--p 05b02000 fe:00 762322                     /usr/bin/deno
560c86a09000-560c87078000 rw-p 00000000 00:00 0                          [heap]
7f1179f1b000-7f1179f23000 r--s 00000000 fe:00 10199069                   /usr/bin/deno
7f13cba80000-7f13eb800000 rwxp 00000000 00:00 0 
7f13eb800000-7f13eba26000 r-xp 035cf000 fe:00 762322                     /usr/bin/deno
7f13f47e9000-7f13f493f000 r-xp 00026000 fe:00 1234                       /usr/lib/libc.so.6
`;

test("constantPages(): the file's code and first constants, nothing that may be written to", () => {
  const found = constantPages(maps, "/usr/bin/deno");
  assert.deepEqual(found.map(({ start, end }) => `${start.toString(16)}-${end.toString(16)}`), [
    "560c5ea31000-560c605bf000",
    "560c60835000-560c64529000",
    "7f13eb800000-7f13eba26000",
  ]);
});

const onDenoForLinux = "deno" in process.versions && process.platform === "linux";

test("keepGivingBack(): Deno's program file takes less than its start took, and any program ends", () => {
  const module = JSON.stringify(new URL("give_back.ts", import.meta.url).href);
  const script = `
    import { readFileSync } from "node:fs";
    import { keepGivingBack } from ${module};
    const fileKiB = () => Number(/RssFile:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
    keepGivingBack(10);
    const first = ${onDenoForLinux} ? fileKiB() : 0;
    const looking = setInterval(() => {
      if (${onDenoForLinux} && fileKiB() > first * 0.75) return;
      clearInterval(looking);
      console.log("ended");
    }, 50);`;
  const words = onDenoForLinux ? ["eval", script] : ["--input-type=module", "--eval", script];
  const { stdout, stderr } = spawnSync(process.execPath, words, {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(stdout, "ended\n", stderr);
});
