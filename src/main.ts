#!/usr/bin/env -S deno run -A
/** Starts the program: with little memory, and with what the last start compiled. */
import { startSettings } from "./start_settings.ts";
import { keepCompiled } from "./runtime/compile_cache.ts";
import { keepGivingBack } from "./runtime/give_back.ts";
import { startAnew } from "./runtime/start_anew.ts";

startAnew(startSettings);
keepCompiled();
keepGivingBack();
// Not a literal: Deno would look into every package before the first line runs.
const program = "./program.ts";
await import(program);
