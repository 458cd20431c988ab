/**
 * How large an RE2 expression's program can become, told from its text alone. Counted repeats unfold
 * (`(…){1000}` holds its group a thousand times), and compiling is what has to be avoided: a kilobyte
 * of text makes a program of 900,000 steps in a second.
 */

const countedRepeat = /\{([0-9]+)(?:,([0-9]*))?\}/g;

/** RE2 refuses what unfolds more often, nested counts multiplied. */
const mostCopies = 1000;

/**
 * An upper bound of the program's steps; never less than the engine's own count for an expression that
 * compiles. A count behind a group is taken to repeat all text before it, and a count in a class or in
 * `\x{…}` counts too: simpler than reading RE2's grammar a second time, and wrong on one side only.
 */
export function programSizeBound(expression: string): number {
  let copies = 1;
  let characters = 0;
  let end = expression.length;
  for (const token of [...expression.matchAll(countedRepeat)].reverse()) {
    characters += copies * (end - token.index);
    const repeated = Math.min(copies * times(token), mostCopies);
    if (repeatsGroup(expression, token.index)) copies = repeated;
    else characters += repeated;
    end = token.index;
  }
  // Two steps a character: a group opens and closes, what is optional forks. Start, end and an empty
  // expression take the rest.
  return 2 * (characters + copies * end) + 4;
}

function times(token: RegExpExecArray): number {
  return Math.max(1, Number(token[1]), Number(token[2] ?? 0));
}

/** `\Q\E` and `(?i)` add nothing, so that a count behind them repeats the group before them. */
function repeatsGroup(expression: string, at: number): boolean {
  return expression[at - 1] === ")" || expression.slice(at - 2, at) === "\\E";
}
