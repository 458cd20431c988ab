/**
 * An upper bound for the program size of an RE2 expression, computed without compiling it. Counted
 * repeats expand (`(…){1000}` contains its group a thousand times), so compiling is what must be
 * avoided: one kilobyte of text can compile to 900,000 instructions, which takes a second.
 */

const countedRepeat = /\{([0-9]+)(?:,([0-9]*))?\}/g;

/** RE2 rejects expressions with more, nested counts multiplied. */
const maxCopies = 1000;

/**
 * Instructions, at least as many as the engine's own count for an expression that compiles. A count
 * after a group is assumed to repeat all text before it, and a count in a class or in `\x{…}` is
 * included too: simpler than parsing RE2's grammar a second time, and it only errs upwards.
 */
export function programSizeBound(expression: string): number {
  let copies = 1;
  let characters = 0;
  let end = expression.length;
  for (const token of [...expression.matchAll(countedRepeat)].reverse()) {
    characters += copies * (end - token.index);
    const repeated = Math.min(copies * times(token), maxCopies);
    if (repeatsGroup(expression, token.index)) copies = repeated;
    else characters += repeated;
    end = token.index;
  }
  // Two instructions per character: a group opens and closes, an optional part forks. The remaining 4
  // are for start, end and an empty expression.
  return 2 * (characters + copies * end) + 4;
}

function times(token: RegExpExecArray): number {
  return Math.max(1, Number(token[1]), Number(token[2] ?? 0));
}

/** `\Q\E` and `(?i)` add nothing, so a count after them repeats the group before them. */
function repeatsGroup(expression: string, at: number): boolean {
  return expression[at - 1] === ")" || expression.slice(at - 2, at) === "\\E";
}
