/**
 * Explains what is wrong with a manifest's text, in our own words: the parser's messages describe
 * its grammar.
 */
import type { ErrorCode } from "yaml";

export const renderFirst =
  "looks like an unrendered template; render it first, such as with helm template";

/** Whether a text holds `{{ … }}` or `{% … %}` of Helm, Jinja and the like. */
export function looksLikeTemplate(text: string): boolean {
  return /\{\{|\{%/.test(text);
}

const indentation =
  "the indentation doesn't fit the lines above; indent siblings alike, with spaces";
const colon =
  'a value holds ": " or goes on in the next line; put it in quotes or fix the indentation';
const brackets = "a bracket, quote or comma is missing; close what was opened above";

const problems: Partial<Record<ErrorCode, string>> = {
  TAB_AS_INDENT: "a tab is used as indentation; indent with spaces",
  DUPLICATE_KEY: "a key is there twice; keep one of them",
  BAD_SCALAR_START: "an unquoted value begins with @ or `; put it in quotes",
  BAD_DQ_ESCAPE: "a backslash in double quotes begins no escape; double it or use single quotes",
  BAD_INDENT: indentation,
  UNEXPECTED_TOKEN: indentation,
  BLOCK_AS_IMPLICIT_KEY: colon,
  MULTILINE_IMPLICIT_KEY: colon,
  BLOCK_IN_FLOW: brackets,
  MISSING_CHAR: brackets,
};

/** `isFlow`: the document begins with a bracket, as JSON does, so indentation means nothing. */
export function yamlProblem(code: ErrorCode, isFlow: boolean): string {
  if (isFlow && problems[code] === indentation) return brackets;
  return problems[code] ?? "this isn't valid YAML; check quotes, brackets and indentation";
}
