/**
 * An operator's expression with `{namespace}` in it, such as `arn:aws:iam::111122223333:role/{namespace}/.*`:
 * what it permits depends on the namespace, so no namespace can name what is another's.
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
  const any = parsePermitted(expression.replaceAll(placeholder, "[a-z0-9-]+"), {
    ignoreCase: true,
  });
  return {
    permits: (namespace, text) => label.test(namespace) && matches(parsed(namespace), text),
    permitsAny: (text) => matches(any, text),
  };
}

/** What is wrong with such an expression, or null. */
export function namespaceExpressionProblem(expression: string): string | null {
  const [before, ...after] = expression.split(placeholder);
  if (before === undefined || after.length === 0) return `lacks ${placeholder}`;
  const parsed = parsePermitted(expanded(expression, "a".repeat(63)));
  if (parsed.kind === "invalid") return parsed.problem;
  const pairs = after.map((right, at) => [at === 0 ? before : after[at - 1]!, right] as const);
  return pairs.every(([left, right]) => endsName(left) && startsAfterName(right)) ? null : overlaps;
}

const overlaps =
  `must have one of /:,=@_ between ${placeholder} and any part that varies, or what ` +
  "it permits to the namespace shop would include names of shop-2";

/** A character that no namespace has in its name, or a class of such. */
const separator = "(?:[/:,=@_]|\\[[/:,=@_]+\\])";

/** Whether nothing that varies comes between a separator (or the start) and the namespace's name. */
function endsName(left: string): boolean {
  return new RegExp(`(?:^|^\\^|${separator})\\(?(?:\\?:)?$`)
    .test(left.replace(/[A-Za-z0-9-]+$/, ""));
}

/** Whether nothing that varies comes between the namespace's name and a separator (or the end). */
function startsAfterName(right: string): boolean {
  const rest = right.replace(/^[A-Za-z0-9-]+(?![?*+{])/, "");
  return new RegExp(`^\\(?(?:\\?:)?(?:$|\\$$|\\)|${separator}(?![?*+{]))`).test(rest);
}

/** The name, escaped: a `-` would be a range inside a class. */
function expanded(expression: string, namespace: string): string {
  return expression.replaceAll(placeholder, namespace.replaceAll("-", "\\-"));
}

function matches(parsed: Permitted, text: string): boolean {
  return parsed.kind === "expression" && parsed.test(text);
}
