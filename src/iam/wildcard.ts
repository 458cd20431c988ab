/** IAM's wildcards: `*` matches any characters, `?` exactly one. Never backtracks over a second `*`. */

/** Literal text, or a wildcard; text that came from a policy variable is literal. */
export type Piece = { readonly literal: string } | { readonly wildcard: "*" | "?" };

/** Splits a written pattern into its pieces. */
export function piecesOf(pattern: string): Piece[] {
  return pattern.split(/([*?])/).filter((text) => text !== "").map((text) =>
    text === "*" || text === "?" ? { wildcard: text } : { literal: text }
  );
}

/** Whether the pieces match the whole text. */
export function matchesPieces(pieces: readonly Piece[], text: string): boolean {
  const steps = pieces.flatMap(singleSteps);
  const characters = [...text];
  let [step, at, star, resume] = [0, 0, -1, 0];
  while (at < characters.length) {
    const next = steps[step];
    if (isStar(next)) [star, resume] = [step++, at];
    else if (next !== undefined && takes(next, characters[at]!)) {
      step++;
      at++;
    } else if (star >= 0) {
      // Let the last `*` take one character more.
      [step, at] = [star + 1, ++resume];
    } else return false;
  }
  return steps.slice(step).every(isStar);
}

function singleSteps(piece: Piece): Piece[] {
  return "literal" in piece ? [...piece.literal].map((literal) => ({ literal })) : [piece];
}

function isStar(piece: Piece | undefined): boolean {
  return piece !== undefined && "wildcard" in piece && piece.wildcard === "*";
}

function takes(piece: Piece, character: string): boolean {
  return "wildcard" in piece || piece.literal === character;
}
