/**
 * Compiles a namespace's `permitted` expression: RE2 syntax, linear time, bounded in length and in
 * program size.
 *
 * The engine is re2js. Unlike Go's regexp package it rejects duplicate group names and some spellings
 * of Unicode classes (`\p{Letter}`, `\p{ASCII}`, `\p{greek}`): such an expression is invalid here, so
 * it permits nothing.
 */
import { RE2JS } from "re2js";
import { shown } from "./denial_text.ts";
import { programSizeBound } from "./program_bound.ts";

export type Permitted =
  | { readonly kind: "empty" }
  | { readonly kind: "invalid"; readonly problem: string }
  | {
    readonly kind: "expression";
    /** Whether the expression matches the whole text, by the engine's own full match. */
    test(text: string): boolean;
    /** Instructions in its program: what it costs to keep and to run. */
    readonly size: number;
  };

const maxBytes = 1024;
/** Up to this bound, an expression compiles within 60 ms. */
const maxSizeBound = 8_192;
/**
 * Enough for any expression of 1 KiB without counted repeats, such as a list of ARNs. Up to this size
 * the engine's DFA fits its memory limit: the first match against the longest ARN takes at most 110
 * ms, later ones under 3 ms. With 2,000 instructions more, it rebuilds the DFA for every match.
 */
const maxInstructions = 1_250;

/**
 * Compiles the expression on its own. Adding anchors or a group around it would be unsafe: `a|b`
 * escapes anchors, and `x)|(?:.*` escapes a group. Never throws.
 */
export function parsePermitted(text: string, { ignoreCase = false } = {}): Permitted {
  if (text === "") return { kind: "empty" };
  if (bytes(text) > maxBytes) return invalid(`is longer than ${maxBytes} bytes`);
  if (programSizeBound(text) > maxSizeBound) return invalid(tooLarge);
  try {
    return expression(RE2JS.compile(text, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0));
  } catch (fault) {
    return invalid(`is not RE2 syntax: ${syntaxProblem(fault)}`);
  }
}

/** What an expression counts in a cache: 4 per instruction, as the engine's states grow with them. */
export function permittedSize(permitted: Permitted): number {
  return permitted.kind === "expression" ? 4 * permitted.size : 0;
}

const tooLarge =
  `expands to more than ${maxInstructions} instructions (shorten it, or lower the counts in its {...})`;

function expression(compiled: RE2JS): Permitted {
  const size = compiled.programSize();
  if (size > maxInstructions) return invalid(tooLarge);
  return { kind: "expression", test: (text) => compiled.testExact(text), size };
}

function invalid(problem: string): Permitted {
  return { kind: "invalid", problem };
}

function bytes(text: string): number {
  return text.length > maxBytes ? text.length : new TextEncoder().encode(text).length;
}

function syntaxProblem(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return shown(message.replace(/^error parsing regexp: /, ""), 100);
}
