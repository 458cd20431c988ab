/** Explanations as people read them: aligned, the failing step marked, one thing to do. Pure. */
import { counted } from "../cli/quantities.ts";
import { type Explanation, type ExplanationStep, stepNames } from "../policy/explanation.ts";
import type { Cause } from "../status_client/denied_pods.ts";

/** Wraps a text in a colour, or leaves it as it is. */
type Paint = (text: string, colour: Colour) => string;
type Colour = "green" | "red" | "yellow" | "dim" | "bold";

const codes: Readonly<Record<Colour, number>> = { green: 32, red: 31, yellow: 33, dim: 2, bold: 1 };

export const plain: Paint = (text) => text;
export const coloured: Paint = (text, colour) => `\x1b[${codes[colour]}m${text}\x1b[0m`;

const marks = {
  ok: ["ok", "green"],
  failed: ["FAIL", "red"],
  waiting: ["wait", "yellow"],
  skipped: ["-", "dim"],
} as const;

const outcomes: Readonly<Record<Explanation["outcome"], readonly [string, Colour]>> = {
  credentials: ["gets its credentials", "green"],
  permitted: ["may have its role", "green"],
  waiting: ["waits", "yellow"],
  denied: ["is denied", "red"],
  none: ["has no role", "yellow"],
};

const markWidth = Math.max(...Object.values(marks).map(([mark]) => mark.length));
const nameWidth = Math.max(...stepNames.map((name) => name.length));

/** One pod; `source` names where the answer is from. */
export function podText(explanation: Explanation, source: string, paint: Paint): string {
  const { namespace, pod, reason, remedy } = explanation;
  const [words, colour] = outcomes[explanation.outcome];
  const why = reason === null ? "" : ` (${reason})`;
  const lines = [
    `${paint(`${namespace}/${pod}`, "bold")} ${paint(words, colour)}${why}`,
    "",
    ...explanation.steps.map((step) => stepText(step, paint)),
    "",
    ...(remedy === null ? [] : [`${paint("To do:", "bold")} ${remedy}.`]),
    paint(`Source: ${source}`, "dim"),
  ];
  return lines.map(lineOf).join("");
}

/** Every denied pod, by cause. */
export function causesText(
  { causes, notes, source }: {
    readonly causes: readonly Cause[];
    readonly notes: readonly string[];
    readonly source: string;
  },
  paint: Paint,
): string {
  const count = causes.reduce((sum, { pods }) => sum + pods.length, 0);
  const head = count === 0
    ? paint("No pod is denied.", "green")
    : `${paint(`${count} denied`, "red")}, ${counted(causes.length, "cause")}`;
  const lines = [
    head,
    ...causes.flatMap((cause) => causeLines(cause, paint)),
    "",
    ...notes.map((note) => `${paint("Note:", "bold")} ${note}`),
    paint(`Source: ${source}`, "dim"),
  ];
  return lines.map(lineOf).join("");
}

function stepText({ step, state, found }: ExplanationStep, paint: Paint): string {
  const [mark, colour] = marks[state];
  const name = step.padEnd(nameWidth);
  return `  ${paint(mark.padEnd(markWidth), colour)}  ${name}  ${found}`;
}

function causeLines({ reason, message, pods }: Cause, paint: Paint): string[] {
  return ["", `${paint(reason, "bold")}: ${message}`, ...pods.map((pod) => `  ${pod}`)];
}

function lineOf(line: string): string {
  return line.trimEnd() + "\n";
}
