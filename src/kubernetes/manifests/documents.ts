/**
 * Splits a manifest's text, YAML or JSON, into documents, expands lists, and knows the line of
 * every field. Scalars are read as kubectl reads them: YAML 1.1 without timestamps and base 60
 * (sigs.k8s.io/yaml), so an unquoted `yes`, `on` or `0123` is not a string.
 */
import {
  type Document,
  type DocumentOptions,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseAllDocuments,
  type ParseOptions,
  type SchemaOptions,
  visit,
} from "yaml";
import { looksLikeTemplate, renderFirst, yamlProblem } from "./yaml_problems.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** Where something is written, for programs. */
export interface Position {
  readonly file: string;
  readonly line: number;
}

/** One Kubernetes object as written, with its place for messages. */
export interface ManifestDocument {
  readonly kind: string;
  readonly fields: Fields;
  /** Of a field, or of the nearest one above it that is there. */
  position(path?: readonly string[]): Position;
  /** `FILE: document 2, line 14`, in a list `…, items[3], line 14`; a path that isn't there gives the nearest line above it. */
  place(path?: readonly string[]): string;
  /** A field's value on one line and shortened: texts in quotes, others as written; or `missing`. */
  source(path: readonly string[]): string;
}

/** The documents that could be read, and one line for each problem with the rest. */
export interface ManifestText {
  readonly documents: readonly ManifestDocument[];
  readonly problems: readonly string[];
}

type Path = readonly (string | number)[];

const yamlOptions: ParseOptions & DocumentOptions & SchemaOptions = {
  merge: true,
  // The parser would print warnings of its own.
  logLevel: "error",
  schema: "yaml-1.1",
  resolveKnownTags: false,
  customTags: (tags) => tags.filter((tag) => typeof tag === "string" || isKubectls(tag)),
};

function isKubectls({ tag, format }: { readonly tag: string; readonly format?: string }): boolean {
  return !/:(?:omap|pairs|set|timestamp)$/.test(tag) && format !== "TIME";
}

/** Reads a whole file's text; empty documents between `---` lines are skipped. */
export function readManifestText(file: string, text: string): ManifestText {
  // U+FFFD replaces bytes that weren't UTF-8.
  if (/[\0\ufffd]/.test(text)) return refuse(`${file}: isn't UTF-8 text; save it as UTF-8`);
  const results = jsonValues(text)
    .flatMap(({ line, value }) => parsed(value, line))
    .map((options, index) => new Source({ ...options, file, index }))
    .filter((source) => source.hasContent)
    .map((source) => source.objects());
  return {
    documents: results.flatMap(({ documents }) => documents),
    problems: results.flatMap(({ problems }) => problems),
  };
}

/** JSON values one after another, as `kubectl` takes them, each with the line it begins on. */
function jsonValues(text: string): { readonly line: number; readonly value: string }[] {
  const values: { line: number; value: string }[] = [];
  let rest = { line: 0, value: text };
  for (let end = endOfObject(rest.value); end > 0; end = endOfObject(rest.value)) {
    if (!/^\s*\{/.test(rest.value.slice(end))) break;
    const value = rest.value.slice(0, end);
    values.push({ line: rest.line, value });
    rest = { line: rest.line + value.split("\n").length - 1, value: rest.value.slice(end) };
  }
  return [...values, rest];
}

/** The index of the `}` that matches a leading `{`; 0 for any other text. */
function endOfObject(text: string): number {
  if (!/^\ufeff?\s*\{/.test(text)) return 0;
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === "{") depth++;
    if (token === "}") depth--;
    if (token === "}" && depth === 0) return index + 1;
  }
  return 0;
}

function parsed(text: string, lineBefore: number): Omit<SourceOptions, "file" | "index">[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...yamlOptions, lineCounter: lines });
  const lineAt = (offset: number) => lineBefore + lines.linePos(offset).line;
  return (Array.isArray(documents) ? documents : [])
    .map((document) => ({ document, text, lineAt }));
}

interface SourceOptions {
  readonly file: string;
  /** Of the document in the file, from 0. */
  readonly index: number;
  readonly document: Document;
  readonly text: string;
  readonly lineAt: (offset: number) => number;
}

class Source {
  readonly #options: SourceOptions;
  readonly #name: string;
  readonly #document: Document;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#name = `${options.file}: document ${options.index + 1}`;
    this.#document = options.document;
  }

  get hasContent(): boolean {
    const { contents, errors } = this.#document;
    if (errors.length > 0) return true;
    return contents !== null && !(isScalar(contents) && contents.value === null);
  }

  objects(): ManifestText {
    const problem = this.#syntaxProblem();
    return problem === null ? this.#opened([]) : refuse(problem);
  }

  #syntaxProblem(): string | null {
    const { text, lineAt } = this.#options;
    const [error] = this.#document.errors;
    if (error === undefined) return this.#templateProblem() ?? this.#aliasProblem();
    const [start = 0, , end = text.length] = this.#document.range ?? [];
    const own = text.slice(start, end);
    const problem = looksLikeTemplate(own)
      ? renderFirst
      : yamlProblem(error.code, /^\ufeff?\s*[{[]/.test(own));
    return `${this.#name}, line ${lineAt(error.pos[0])}: ${problem}`;
  }

  /** In YAML, `key: {{ … }}` is a mapping whose key is a mapping; JSON, and so kubectl, has no such keys. */
  #templateProblem(): string | null {
    const found: { readonly key: string; readonly at: number; readonly written: string }[] = [];
    visit(this.#document, {
      Pair: (_, { key }, path) => {
        const [pair, map] = path.slice(-2);
        if (!isCollection(key) || !isNode(map)) return;
        const [at = 0, , end = 0] = map.range ?? [];
        const written = this.#options.text.slice(at, end).trim();
        found.push({ key: isPair(pair) ? String(pair.key) : "", at, written: oneLine(written) });
        return visit.SKIP;
      },
    });
    const first = found.find(({ key }) => key.startsWith("iam.amazonaws.com/")) ?? found[0];
    if (first === undefined) return null;
    const what = first.key === "" ? first.written : `${first.key} is ${first.written}`;
    return `${this.#name}, line ${this.#options.lineAt(first.at)}: ${what}: ${renderFirst}`;
  }

  #aliasProblem(): string | null {
    let problem: string | null = null;
    visit(this.#document, {
      Alias: (_, alias, path) => {
        const { source } = alias;
        const meant = alias.resolve(this.#document);
        if (meant !== undefined && !path.includes(meant)) return;
        const line = this.#options.lineAt(alias.range?.[0] ?? 0);
        const why = meant === undefined
          ? `has no anchor &${source} above`
          : `is inside &${source} itself; expected an anchor that ends above`;
        problem = `${this.#name}, line ${line}: *${source} ${why}`;
        return visit.BREAK;
      },
    });
    return problem;
  }

  /**
   * The object at a path, or the objects in it if it is a list (which may hold lists). Items of a
   * typed list such as PodList leave their kind out, as the API does.
   */
  #opened(path: Path, around: Fields = {}): ManifestText {
    const node = this.#at(path);
    if (!isMap(node)) return refuse(`${this.#place(path)}: expected a Kubernetes object`);
    let written: Record<string, unknown>;
    try {
      written = node.toJS(this.#document, { maxAliasCount: 100 });
    } catch {
      return refuse(`${this.#place(path)}: its aliases expand to more than can be read`);
    }
    const fields = { ...around, ...written };
    const { kind } = fields;
    if (typeof kind !== "string" || kind === "") {
      return refuse(`${this.#place(path)}: kind is missing; expected Pod, Namespace or such`);
    }
    if (!kind.endsWith("List") || !Array.isArray(fields.items)) {
      return { documents: [this.#object(path, kind, fields)], problems: [] };
    }
    const { apiVersion } = fields;
    const itemKind = kind.slice(0, -"List".length);
    const item = { ...(itemKind === "" ? {} : { kind: itemKind, apiVersion }) };
    const inner = fields.items.map((_, at) => this.#opened([...path, "items", at], item));
    return {
      documents: inner.flatMap((one) => one.documents),
      problems: inner.flatMap((one) => one.problems),
    };
  }

  #object(path: Path, kind: string, fields: Fields): ManifestDocument {
    return {
      kind,
      fields,
      position: (field = []) => {
        return { file: this.#options.file, line: this.#line([...path, ...field]) };
      },
      place: (field = []) => this.#place([...path, ...field]),
      source: (field) => this.#written([...path, ...field]),
    };
  }

  /** Follows aliases, which `getIn` doesn't. */
  #at(path: Path): unknown {
    let node: unknown = this.#document.contents;
    for (const key of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      node = isCollection(node) ? node.get(key, true) : undefined;
    }
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  #written(path: Path): string {
    const node = this.#at(path);
    if (!isNode(node) || !node.range) return "missing";
    if (isScalar(node) && typeof node.value === "string") {
      return oneLine(JSON.stringify(node.value));
    }
    return oneLine(this.#options.text.slice(node.range[0], node.range[1])) || "empty";
  }

  #place(path: Path): string {
    const item = path.map((part) => typeof part === "number" ? `, items[${part}]` : "").join("");
    return `${this.#name}${item}, line ${this.#line(path)}`;
  }

  #line(path: Path): number {
    const node = this.#at(path);
    if (isNode(node) && node.range) return this.#options.lineAt(node.range[0]);
    return path.length === 0 ? 1 : this.#line(path.slice(0, -1));
  }
}

function oneLine(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}

function refuse(problem: string): ManifestText {
  return { documents: [], problems: [problem] };
}
