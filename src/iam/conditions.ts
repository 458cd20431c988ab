/**
 * IAM's condition operators
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html):
 * strings, ARNs, numbers, dates, Bool and Null, each with `IfExists`, `ForAllValues:` and
 * `ForAnyValue:`. IP addresses and binary values are rejected as unsupported, never ignored.
 */
import { matchesPieces, type Piece, piecesOf } from "./wildcard.ts";

export interface Condition {
  /** As written, such as `ForAnyValue:StringLike` or `StringEqualsIfExists`. */
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

/** The request's condition keys, in lower case, with their values. */
export type RequestContext = ReadonlyMap<string, readonly string[]>;

/** A request has only the keys with a value. */
export function requestContext(
  keys: Readonly<Record<string, readonly (string | null | undefined)[]>>,
): RequestContext {
  const given = Object.entries(keys).map(([key, values]) => {
    return [key.toLowerCase(), values.filter((value) => value != null)] as const;
  });
  return new Map(given.filter(([, values]) => values.length > 0));
}

/** One comparison of a value in the request with a value in the policy. */
type Compare = (actual: string, expected: readonly Piece[]) => boolean;

interface Operator {
  readonly compare: Compare;
  /** Such as StringNotEquals: holds if no value matches, also if the request doesn't have the key. */
  readonly negated: boolean;
}

const equals: Compare = (actual, expected) => actual === textOf(expected);
const equalsIgnoreCase: Compare = (actual, expected) =>
  actual.toLowerCase() === textOf(expected).toLowerCase();
const like: Compare = (actual, expected) => matchesPieces(expected, actual);

/** ARNs match part by part, so a `*` doesn't reach over a colon, except in the last part. */
const arnLike: Compare = (actual, expected) => {
  const parts = actual.split(":");
  const wanted = partsOf(expected);
  if (parts.length < 6 || wanted.length < 6) return false;
  return wanted.every((part, index) =>
    matchesPieces(part, index < 5 ? parts[index]! : parts.slice(5).join(":"))
  );
};

const numeric = (holds: (a: number, b: number) => boolean): Compare => (actual, expected) =>
  holds(Number(actual), Number(textOf(expected)));
const dates = (holds: (a: number, b: number) => boolean): Compare => (actual, expected) =>
  holds(instantOf(actual), instantOf(textOf(expected)));
const bool: Compare = (actual, expected) => equalsIgnoreCase(actual, expected);

const comparisons: Readonly<Record<string, Compare>> = {
  StringEquals: equals,
  StringEqualsIgnoreCase: equalsIgnoreCase,
  StringLike: like,
  ArnEquals: arnLike,
  ArnLike: arnLike,
  Bool: bool,
  NumericEquals: numeric((a, b) => a === b),
  NumericLessThan: numeric((a, b) => a < b),
  NumericLessThanEquals: numeric((a, b) => a <= b),
  NumericGreaterThan: numeric((a, b) => a > b),
  NumericGreaterThanEquals: numeric((a, b) => a >= b),
  DateEquals: dates((a, b) => a === b),
  DateLessThan: dates((a, b) => a < b),
  DateLessThanEquals: dates((a, b) => a <= b),
  DateGreaterThan: dates((a, b) => a > b),
  DateGreaterThanEquals: dates((a, b) => a >= b),
};

const written = /^(ForAllValues:|ForAnyValue:)?([A-Za-z]+?)(IfExists)?$/;

/** What is wrong with a condition, or null. */
export function conditionProblem({ operator }: Condition): string | null {
  const [, , name = ""] = written.exec(operator) ?? [];
  if (name === "Null" || operatorOf(name) !== undefined) return null;
  return `has condition operator ${operator}, which is not supported here or does not exist`;
}

/** Whether the condition holds; `variables` says whether `${…}` in its values is replaced. */
export function conditionHolds(
  { operator, key, values }: Condition,
  context: RequestContext,
  variables: boolean,
): boolean {
  const [, quantifier, name = "", ifExists] = written.exec(operator) ?? [];
  const actual = context.get(key.toLowerCase());
  if (name === "Null") return values.some((value) => (value === "true") === (actual === undefined));
  const known = operatorOf(name);
  if (known === undefined) return false;
  if (actual === undefined) {
    return ifExists !== undefined || quantifier === "ForAllValues:" ||
      (known.negated && quantifier === undefined);
  }
  const expected = values.flatMap((value) => expand(value, context, variables));
  const one = (value: string) =>
    expected.some((pieces) => known.compare(value, pieces)) !== known.negated;
  return quantifier === "ForAnyValue:" ? actual.some(one) : actual.every(one);
}

function operatorOf(name: string): Operator | undefined {
  const positive = name.replace(/Not(?=Equals|Like)/, "");
  const compare = Object.hasOwn(comparisons, positive) ? comparisons[positive] : undefined;
  return compare === undefined ? undefined : { compare, negated: positive !== name };
}

/** The value's pieces, or nothing if it has a variable that the request doesn't define. */
function expand(value: string, context: RequestContext, variables: boolean): Piece[][] {
  if (!variables) return [piecesOf(value)];
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of value.matchAll(/\$\{([^}]*)\}/g)) {
    const replaced = variable(match[1] ?? "", context);
    if (replaced === undefined) return [];
    pieces.push(...piecesOf(value.slice(end, match.index)), { literal: replaced });
    end = match.index + match[0].length;
  }
  return [[...pieces, ...piecesOf(value.slice(end))]];
}

/** `${*}`, `${?}` and `${$}` are those characters; `${key, 'text'}` has a default. */
function variable(written: string, context: RequestContext): string | undefined {
  if (["*", "?", "$"].includes(written)) return written;
  const [, key = "", fallback] = /^([^,]*?)\s*(?:,\s*'([^']*)')?$/.exec(written) ?? [];
  const values = context.get(key.toLowerCase());
  return values?.length === 1 ? values[0] : fallback;
}

function textOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => "literal" in piece ? piece.literal : piece.wildcard).join("");
}

/** The pieces between the colons of an ARN; the sixth part keeps its colons. */
function partsOf(pieces: readonly Piece[]): Piece[][] {
  const parts: Piece[][] = [[]];
  for (const piece of pieces) {
    if (!("literal" in piece)) {
      parts.at(-1)!.push(piece);
      continue;
    }
    for (const [index, literal] of piece.literal.split(":").entries()) {
      if (index > 0 && parts.length < 6) parts.push([]);
      else if (index > 0) parts.at(-1)!.push({ literal: ":" });
      parts.at(-1)!.push({ literal });
    }
  }
  return parts;
}

function instantOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}
