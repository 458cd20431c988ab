#!/usr/bin/env -S deno run -A
/** Starts the program, with as little memory as its command needs. */
import { startSettings } from "./start_settings.ts";
import { startAnew } from "./runtime/start_anew.ts";

startAnew(startSettings);
// Not a literal: Deno would look into every package before the first line runs.
const program = "./program.ts";
await import(program);
