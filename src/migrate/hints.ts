/** Problems in the namespaces' annotations, whether or not an answer changes. Pure. */
import { quoted } from "../policy/denial_text.ts";
import type { NamespaceFacts } from "../policy/facts.ts";
import { parsePermitted } from "../policy/permitted.ts";

/** One line for each thing to check. */
export function namespaceHints(namespaces: Iterable<NamespaceFacts>): string[] {
  return [...namespaces].flatMap((namespace) =>
    [newline(namespace), invalid(namespace), slips(namespace)]
      .filter((line) => line !== null)
      .map((line) => `namespace ${namespace.name}: ${line}`)
  );
}

function newline({ permitted }: NamespaceFacts): string | null {
  if (permitted === null || !/\n$/.test(permitted)) return null;
  return "iam.amazonaws.com/permitted ends in a newline, as a YAML block (|) leaves it, so it " +
    "matches nothing, under kiam neither; write |- or put it in quotes";
}

function invalid({ permitted }: NamespaceFacts): string | null {
  if (permitted === null) return null;
  const parsed = parsePermitted(permitted);
  if (parsed.kind !== "invalid") return null;
  return `iam.amazonaws.com/permitted ${quoted(permitted, 110)} ${parsed.problem}; ` +
    "nothing is permitted there";
}

/** `^(?:a|b)$` differs from `^a|b$` only with an alternative outside all groups. */
function slips({ permitted }: NamespaceFacts): string | null {
  if (permitted === null || parsePermitted(permitted).kind !== "expression") return null;
  if (!hasOuterAlternative(permitted)) return null;
  return `iam.amazonaws.com/permitted ${
    quoted(permitted, 110)
  } has alternatives outside a group: ` +
    "kiam v4 let pass whatever begins like the first or ends like the last; here each has to " +
    "match the whole ARN";
}

/** Good for expressions that compile: depth counts what isn't escaped, quoted or in a class. */
function hasOuterAlternative(expression: string): boolean {
  const bare = expression
    .replaceAll(/\\Q[\s\S]*?(?:\\E|$)/g, "")
    .replaceAll(/\\[\s\S]/g, "")
    .replaceAll(/\[\^?\]?(?:\[:[^\]]*:\]|[^\]])*\]/g, "");
  let depth = 0;
  for (const character of bare) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character === "|" && depth === 0) return true;
  }
  return false;
}
