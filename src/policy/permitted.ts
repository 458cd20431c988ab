/**
 * A namespace's `permitted` expression: RE2 syntax, linear time, bounded in length and program. It
 * knows nothing of roles: what text it is matched against is the caller's choice.
 *
 * The engine is re2js. Of what Go's regexp package takes it refuses duplicate group names and some
 * spellings of Unicode classes (`\p{Letter}`, `\p{ASCII}`, `\p{greek}`): such an expression is
 * invalid here, so it permits nothing.
 */
import { RE2JS } from "re2js";
import { shown } from "./denial_text.ts";
import { programSizeBound } from "./program_bound.ts";

export type Permitted =
  | { readonly kind: "empty" }
  | { readonly kind: "invalid"; readonly problem: string }
  | {
    readonly kind: "expression";
    /** Whether the expression matches the whole text, by the engine's own anchored match. */
    test(text: string): boolean;
    /** Steps of its program: what it costs to keep and to run. */
    readonly size: number;
  };

const mostBytes = 1024;
/** Below it an expression compiles in 60 ms at most. */
const mostBound = 8_192;
/**
 * Room for every text of 1 KiB that repeats nothing, such as a list of ARNs. Below it the engine's
 * automaton stays within its memory: a first match against the longest ARN takes 110 ms at most,
 * further ones under 3 ms. Some 2,000 steps more and it starts anew for each.
 */
const mostSteps = 1_250;

/**
 * Compiles the expression by itself, so that nothing put around it can change its meaning, nor it the
 * meaning of what is around it (`a|b` slips anchors, `x)|(?:.*` a group). Never throws.
 */
export function parsePermitted(text: string): Permitted {
  if (text === "") return { kind: "empty" };
  if (bytes(text) > mostBytes) return invalid(`is longer than ${mostBytes} bytes`);
  if (programSizeBound(text) > mostBound) return invalid(unfolds);
  try {
    return expression(RE2JS.compile(text));
  } catch (error) {
    return invalid(`isn't RE2 syntax: ${syntaxProblem(error)}`);
  }
}

const unfolds =
  `unfolds to more than ${mostSteps} steps (shorten it, or lower the counts in its {...})`;

function expression(compiled: RE2JS): Permitted {
  const size = compiled.programSize();
  if (size > mostSteps) return invalid(unfolds);
  return { kind: "expression", test: (text) => compiled.testExact(text), size };
}

function invalid(problem: string): Permitted {
  return { kind: "invalid", problem };
}

function bytes(text: string): number {
  return text.length > mostBytes ? text.length : new TextEncoder().encode(text).length;
}

function syntaxProblem(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return shown(message.replace(/^error parsing regexp: /, ""), 100);
}
