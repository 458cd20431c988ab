/**
 * The soak by itself: `deno run -A tests/soak/main.ts [SECONDS]`, an hour by default. A line of
 * figures now and then; exit 1 where an answer was wrong or a pod was left without.
 */
import process from "node:process";
import { soak } from "./soak.ts";

const seconds = Number(process.argv[2] ?? 3600);
const result = await soak({ seconds, print: (line) => console.log(line) });
const { wrong, stuck, answers, pods } = result;
console.log(JSON.stringify({ seconds, wrong, stuck, answers, pods }));
process.exit(wrong === 0 && stuck === 0 ? 0 : 1);
