/**
 * Merges variants of the same objects into one Helm template: what is equal is written once, what
 * differs under a condition. Knows YAML and Helm's syntax; what the variants are is chart.ts's.
 */

export type Node = null | boolean | number | string | readonly Node[] | { [key: string]: Node };

/** How a node looks where `condition`, an expression of Helm's, is true. */
export interface Variant {
  readonly condition: string;
  readonly node: Node;
}

/** A place in an object and the value that users set for it; null there means the object's own. */
const overrides: Readonly<Record<string, string>> = {
  "Deployment rolecall-server/spec/replicas": "server.replicas",
  "Deployment rolecall-server/spec/template/spec/nodeSelector": "server.nodeSelector",
  "Deployment rolecall-server/spec/template/spec/tolerations": "server.tolerations",
  "Deployment rolecall-server/spec/template/spec/containers/server/resources": "server.resources",
  "DaemonSet rolecall-agent/spec/template/spec/containers/agent/resources": "agent.resources",
  "ServiceAccount rolecall-server/metadata/annotations": "server.serviceAccountAnnotations",
};

/** Scalars that the chart computes, by what the manifests have in their place. */
function computed(path: string, value: Node): string | undefined {
  if (typeof value !== "string") return undefined;
  const settings = /^rolecall-(agent|server)-settings$/.exec(value);
  if (settings) return `{{ include "rolecall.${settings[1]}SettingsName" $ }}`;
  if (path.endsWith("/image") && value.startsWith("rolecall:")) {
    return `{{ include "rolecall.image" $ }}`;
  }
  if (path.endsWith("/app.kubernetes.io/managed-by")) return "{{ $.Release.Service }}";
  if (path.endsWith("/kubernetes.io/metadata.name")) return "{{ $.Values.monitoringNamespace }}";
  return undefined;
}

/** All objects, as the documents of one template. */
export function template(base: Node, variants: readonly Variant[]): string {
  const lines = [`{{- $features := include "rolecall.features" . | fromJsonArray }}`];
  for (const part of parts(base, variants)) {
    lines.push(...part.lines((node, own) => {
      const { kind, metadata } = node as { kind: string; metadata: { name: string } };
      return ["---", ...block(`${kind} ${metadata.name}`, node, own)];
    }));
  }
  return lines.join("\n") + "\n";
}

type Emit = (node: Node, variants: readonly Variant[]) => string[];

interface Part {
  readonly key: string;
  /** `emit` writes it as it is in one or more variants. */
  lines(emit: Emit): string[];
}

/** The keys of a map in all variants, or the items of a list that have names. */
function parts(base: Node, variants: readonly Variant[]): Part[] {
  const maps = variants.map(({ condition, node }) => ({ condition, map: keyed(node) }));
  const own = keyed(base);
  const keys = [...own.keys()];
  // An item's first line has the dash, so it mustn't depend on a condition: its name doesn't.
  if (isMap(base)) keys.sort((one, other) => Number(other === "name") - Number(one === "name"));
  for (const { map } of maps) for (const key of map.keys()) if (!keys.includes(key)) keys.push(key);
  return keys.map((key) => ({
    key,
    lines: (emit) => {
      const having = maps.flatMap(({ condition, map }) => {
        const node = map.get(key);
        return node === undefined ? [] : [{ condition, node }];
      });
      if (!own.has(key)) return added(having, emit);
      const removed = maps.filter(({ map }) => !map.has(key)).map(({ condition }) => condition);
      const lines = emit(own.get(key)!, changed(own.get(key)!, having));
      return removed.length === 0
        ? lines
        : [`{{- if not ${either(removed)} }}`, ...lines, "{{- end }}"];
    },
  }));
}

/** Something that only variants have: each form of it under the conditions that have it. */
function added(having: readonly Variant[], emit: Emit): string[] {
  const forms = new Map<string, Variant[]>();
  for (const variant of having) {
    const form = JSON.stringify(variant.node);
    forms.set(form, [...forms.get(form) ?? [], variant]);
  }
  const all = [...forms.values()];
  return [
    ...all.flatMap((variants, index) => [
      `{{- ${index === 0 ? "if" : "else if"} ${
        either(variants.map(({ condition }) => condition))
      } }}`,
      ...emit(variants[0]!.node, []),
    ]),
    "{{- end }}",
  ];
}

function changed(base: Node, variants: readonly Variant[]): readonly Variant[] {
  return variants.filter(({ node }) => JSON.stringify(node) !== JSON.stringify(base));
}

function either(conditions: readonly string[]): string {
  const all = conditions.map((one) => `(${one})`);
  return all.length === 1 ? all[0]! : `(or ${all.join(" ")})`;
}

function keyed(node: Node): Map<string, Node> {
  if (Array.isArray(node)) return new Map(node.map((item) => [item.name, item]));
  return new Map(Object.entries(node as { [key: string]: Node }));
}

function isMap(node: Node): boolean {
  return typeof node === "object" && node !== null && !Array.isArray(node);
}

function isNamedList(node: Node): boolean {
  return Array.isArray(node) && node.length > 0 &&
    node.every((item) => isMap(item) && typeof item.name === "string") &&
    new Set(node.map(({ name }) => name)).size === node.length;
}

/** A node's lines, without indentation. */
function block(path: string, node: Node, variants: readonly Variant[]): string[] {
  const all = [node, ...variants.map((one) => one.node)];
  if (all.every(isMap)) {
    const lines = parts(node, variants).flatMap((part) => {
      const at = `${path}/${part.key}`;
      const lines = part.lines((value, own) => field(at, part.key, value, own));
      return overridden(at, part.key, lines);
    });
    return lines.length === 0 ? ["{}"] : withAdditions(path, node, lines);
  }
  if (all.every(isNamedList)) {
    return parts(node, variants).flatMap((part) =>
      part.lines((value, own) => item(block(`${path}/${part.key}`, value, own)))
    );
  }
  const isList = Array.isArray(node) && all.every(Array.isArray);
  const grown = isList ? variants.filter((one) => additions(node, one.node).length > 0) : [];
  const others = variants.filter((one) => !grown.includes(one));
  const lines = isList && node.length > 0 ? items(path, node) : [scalar(path, node)];
  return [
    ...others.length === 0 ? lines : instead(path, lines, others),
    ...grown.flatMap((one) => [
      `{{- if ${one.condition} }}`,
      ...items(path, additions(node as readonly Node[], one.node)),
      "{{- end }}",
    ]),
  ];
}

/** Another value where a variant has one, else these lines. */
function instead(
  path: string,
  lines: readonly string[],
  variants: readonly Variant[],
): string[] {
  const forms = added(variants, (one) => block(path, one, []));
  return [...forms.slice(0, -1), "{{- else }}", ...lines, "{{- end }}"];
}

/** What a list has behind all the items of another. */
function additions(own: readonly Node[], grown: Node): readonly Node[] {
  const list = grown as readonly Node[];
  const same = JSON.stringify(list.slice(0, own.length)) === JSON.stringify(own);
  return own.length > 0 && same ? list.slice(own.length) : [];
}

function items(path: string, list: readonly Node[]): string[] {
  return list.flatMap((one) => item(block(path, one, [])));
}

function field(path: string, key: string, value: Node, variants: readonly Variant[]): string[] {
  const name = /^[A-Za-z0-9_./-]+$/.test(key) ? key : JSON.stringify(key);
  const settings = /^ConfigMap rolecall-(agent|server)-settings\/data$/.exec(path);
  if (settings) {
    return [`${name}:`, `{{- include "rolecall.${settings[1]}Settings" $ | nindent 2 }}`];
  }
  const lines = block(path, value, variants);
  if (lines.length === 1 && (!isCollection(value) || /^[{[]/.test(lines[0]!))) {
    return [`${name}: ${lines[0]}`];
  }
  return [`${name}:`, ...indented(lines)];
}

function isCollection(node: Node): boolean {
  return typeof node === "object" && node !== null;
}

function overridden(path: string, key: string, lines: readonly string[]): string[] {
  const value = overrides[path];
  if (value === undefined) return [...lines];
  return [
    `{{- if not (kindIs "invalid" $.Values.${value}) }}`,
    `${key}: {{ toJson $.Values.${value} }}`,
    "{{- else }}",
    ...lines,
    "{{- end }}",
  ];
}

/** What users may set where the manifests have nothing. */
function withAdditions(path: string, node: Node, lines: readonly string[]): string[] {
  const more = Object.entries(overrides).filter(([at]) =>
    at.slice(0, at.lastIndexOf("/")) === path &&
    !keyed(node).has(at.slice(at.lastIndexOf("/") + 1))
  );
  return [
    ...lines,
    ...more.flatMap(([at, value]) => [
      `{{- with $.Values.${value} }}`,
      `${at.slice(at.lastIndexOf("/") + 1)}: {{ toJson . }}`,
      "{{- end }}",
    ]),
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => line.startsWith("{{-") ? line : `  ${line}`);
}

function item(lines: readonly string[]): string[] {
  if (lines[0]!.startsWith("{{-")) throw new Error(`an item starts with ${lines[0]}`);
  let first = true;
  return lines.map((line) => {
    if (line.startsWith("{{-")) return line;
    const mark = first ? "- " : "  ";
    first = false;
    return mark + line;
  });
}

/** On one line, as JSON, which YAML reads too; Helm must not read what is meant for Prometheus. */
function scalar(path: string, node: Node): string {
  const value = computed(path, node);
  if (value !== undefined) return `"${value.replaceAll('"', "`")}"`;
  return JSON.stringify(node).replaceAll(/\{\{|\}\}/g, (braces) => `{{ "${braces}" }}`);
}
