/**
 * An operator's expression with `{namespace}` in it, such as
 * `arn:aws:iam::111122223333:role/{namespace}/.*`: what it permits depends on the namespace, so no
 * namespace can use another's roles or IDs.
 */
import { parsePermitted, type Permitted, permittedSize } from "./permitted.ts";
import { cachedByText } from "./text_cache.ts";

const placeholder = "{namespace}";
/** A Kubernetes namespace's name (RFC 1123 label); anything else matches nothing. */
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export interface NamespaceExpression {
  /** Whether it matches the whole text, with this namespace's name. */
  permits(namespace: string, text: string): boolean;
  /** Whether it matches the whole text with any namespace's name, in any letter case. */
  permitsAny(text: string): boolean;
}

/** Without an expression nothing is permitted. The expression has no problem, see below. */
export function namespaceExpression(expression: string | null): NamespaceExpression {
  if (expression === null) return { permits: () => false, permitsAny: () => false };
  const parsed = cachedByText((name) => parsePermitted(expanded(expression, name)), permittedSize);
  const any = parsedForAny(expression);
  return {
    permits: (namespace, text) => label.test(namespace) && matches(parsed(namespace), text),
    permitsAny: (text) => matches(any, text),
  };
}

/**
 * What is wrong with such an expression, or null. One without a problem permits no text to two
 * namespaces: the text alone shows where the name is.
 */
export function namespaceExpressionProblem(expression: string): string | null {
  const at = expression.indexOf(placeholder);
  if (at < 0) return `lacks ${placeholder}`;
  const longest = parsePermitted(expanded(expression, "a".repeat(63)));
  const any = parsedForAny(expression);
  const invalid = [longest, any].find((parsed) => parsed.kind === "invalid");
  if (invalid?.kind === "invalid") return invalid.problem;
  const [before, after] = [expression.slice(0, at), expression.slice(at + placeholder.length)];
  if (!isWholeAround(before) || !isWholeAround(after)) return inGroup;
  if (!endsName(before) || !startsAfterName(after)) return overlaps;
  return hasFixedSeparators.test(before) || isLiteral.test(after) ? null : variesTwice;
}

const inGroup =
  `must have ${placeholder} outside of groups, classes and alternatives: each text that it permits ` +
  "must contain the namespace's name";
const overlaps =
  `must have one of /:,=@_ between ${placeholder} and any part that varies, or what ` +
  "it permits to the namespace shop would include names of shop-2";
const variesTwice =
  `must not vary both before and after ${placeholder}, or bank/shop/x would be permitted to bank and ` +
  "to shop; write out the part before it";

/** A character that no namespace has in its name, or a class of such. */
const separator = "(?:[/:,=@_]|\\[[/:,=@_]+\\])(?![?*+]|\\{\\d)";
const quantifier = "(?:(?:[?*+]|\\{\\d+(?:,\\d*)?\\})\\??)?";
/** What varies within a name, without a separator. */
const nameParts = `(?:[A-Za-z0-9-]|\\\\d|\\\\[.+-]|\\[[A-Za-z0-9-]+\\]|` +
  `\\((?:\\?:)?[A-Za-z0-9|-]+\\))${quantifier}`;
/** Every text that it matches has the same number of separators. */
const hasFixedSeparators = new RegExp(`^\\^?(?:${separator}|${nameParts})*$`);
const isLiteral = /^(?:[A-Za-z0-9/:,=@_-]|\\[^A-Za-z0-9])*\$?$/;

/** Whether every group and class that begins here ends here, and no alternative is outside of them. */
function isWholeAround(part: string): boolean {
  const whole = /\\.|\[\^?\]?(?:\\.|[^\]\\])*\]/g;
  let rest = part.replaceAll(whole, "");
  for (let before = ""; before !== rest;) {
    before = rest;
    rest = rest.replaceAll(/\([^()]*\)/g, "");
  }
  return !/[()[\]|]/.test(rest);
}

/** Whether nothing that varies comes between a separator (or the start) and the namespace's name. */
function endsName(left: string): boolean {
  return new RegExp(`(?:^\\^?|${separator})$`).test(left.replace(/[A-Za-z0-9-]+$/, ""));
}

/** Whether nothing that varies comes between the namespace's name and a separator (or the end). */
function startsAfterName(right: string): boolean {
  const rest = right.replace(/^[A-Za-z0-9-]+(?![?*+]|\{\d)/, "");
  const [group, inner = "", optional = ""] = firstGroup.exec(rest) ?? [];
  if (group === undefined) return new RegExp(`^(?:\\$?$|${separator})`).test(rest);
  const separated = inner.split("|").every((one) => new RegExp(`^${separator}`).test(one));
  return separated && (optional === "" || startsAfterName(rest.slice(group.length)));
}

/** A group without another in it, and what makes it optional. */
const firstGroup = /^\((?:\?:)?((?:[^()[\]\\]|\\[^()]|\[[^()[\]\\]*\])*)\)([?*]\??|\{0[^}]*\}\??)?/;

function parsedForAny(expression: string): Permitted {
  return parsePermitted(expression.replaceAll(placeholder, "[a-z0-9-]+"), { ignoreCase: true });
}

/** The name, escaped: a `-` would be a range inside a class. */
function expanded(expression: string, namespace: string): string {
  return expression.replaceAll(placeholder, namespace.replaceAll("-", "\\-"));
}

function matches(parsed: Permitted, text: string): boolean {
  return parsed.kind === "expression" && parsed.test(text);
}
