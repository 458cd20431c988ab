/** The result of `check` as people, scripts and code scanners read it. Pure. */
import { counted } from "../cli/quantities.ts";
import type { CheckResult, Finding, FindingLevel } from "./findings.ts";

const titles: Readonly<Record<FindingLevel, string>> = {
  denied: "Would be denied:",
  unknown: "Couldn't be evaluated:",
  warning: "Notes:",
};

/** Findings by level; those with the same message under one line. */
export function reportText({ pods, findings }: CheckResult): string {
  const count = (level: FindingLevel) => findings.filter((one) => one.level === level).length;
  const [denied, unknown] = [count("denied"), count("unknown")];
  const head = `${counted(pods, "pod")} checked: ` +
    (denied + unknown === 0 ? "none would be denied" : [
      ...(denied > 0 ? [`${denied} would be denied`] : []),
      ...(unknown > 0 ? [`${unknown} couldn't be evaluated`] : []),
    ].join(", "));
  const sections = (Object.keys(titles) as FindingLevel[]).flatMap((level) => {
    const lines = [...grouped(findings.filter((one) => one.level === level))];
    return lines.length === 0 ? [] : ["", titles[level], ...lines];
  });
  return [head, ...sections].map((line) => `${line}\n`).join("");
}

function* grouped(findings: readonly Finding[]): Iterable<string> {
  const causes = Map.groupBy(findings, ({ reason, message }) => `  ${reason}: ${message}`);
  for (const [cause, found] of causes) {
    yield cause;
    for (const { subject, position } of found) {
      const place = `${position.file}:${position.line}`;
      yield subject === null ? `    ${place}` : `    ${subject} (${place})`;
    }
  }
}

export function reportJson(result: CheckResult): string {
  return JSON.stringify(result, null, 2) + "\n";
}

const sarifLevels = { denied: "error", unknown: "warning", warning: "note" } as const;

export function reportSarif({ findings }: CheckResult, version: string): string {
  const rules = [...new Set(findings.map(({ reason }) => reason))].map((id) => ({ id }));
  const results = findings.map(({ level, reason, message, subject, position }) => ({
    ruleId: reason,
    level: sarifLevels[level],
    message: { text: subject === null ? message : `${subject}: ${message}` },
    // GitHub refuses a file with a result that has none.
    locations: [{
      physicalLocation: {
        artifactLocation: { uri: uriOf(position.file) },
        region: { startLine: position.line },
      },
    }],
  }));
  return sarifLog({ name: "rolecall", version, rules }, { results });
}

/** Nothing was evaluated. A step that uploads the file whatever happened still has one. */
export function failureSarif(problems: readonly string[], version: string): string {
  const toolExecutionNotifications = problems.map((text) => ({
    level: "error",
    message: { text },
  }));
  const invocations = [{ executionSuccessful: false, toolExecutionNotifications }];
  return sarifLog({ name: "rolecall", version }, { invocations, results: [] });
}

/** https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html */
function sarifLog(driver: object, run: object): string {
  const log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver }, ...run }],
  };
  return JSON.stringify(log, null, 2) + "\n";
}

function uriOf(file: string): string {
  return file.split("/").map(encodeURIComponent).join("/");
}
