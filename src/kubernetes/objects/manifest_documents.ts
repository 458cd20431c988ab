/**
 * Takes the documents out of a manifest's text, YAML or JSON, lists opened up, and knows the line of
 * every field. What the documents mean is left to whoever reads them.
 */
import { type Document, isMap, isNode, isScalar, LineCounter, parseAllDocuments } from "yaml";

/** One Kubernetes object as written, with its place for messages. */
export interface ManifestDocument {
  readonly kind: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** `FILE: document 2, line 14`, in a list `…, items[3], line 14`; a path that isn't there gives the nearest line above it. */
  place(path?: readonly string[]): string;
}

/** Documents and, where there are any, lines of text saying what is wrong with the rest. */
export interface ManifestText {
  readonly documents: readonly ManifestDocument[];
  readonly problems: readonly string[];
}

type Path = readonly (string | number)[];

/** Reads a whole file's text; empty documents between `---` lines are passed over. */
export function readManifestText(file: string, text: string): ManifestText {
  const lineCounter = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter, merge: true });
  const written = (Array.isArray(parsed) ? parsed : [])
    .map((document, at) => ({ document, index: at + 1 }))
    .filter(({ document }) => document.errors.length > 0 || hasContent(document));
  const documents: ManifestDocument[] = [];
  const problems: string[] = [];
  for (const { document, index } of written) {
    const source = new Source(`${file}: document ${index}`, document, lineCounter);
    const result = source.objects();
    documents.push(...result.documents);
    problems.push(...result.problems);
  }
  if (written.length === 0) {
    problems.push(
      `${file}: no document in it: expected Pod, Namespace or ServiceAccount manifests`,
    );
  }
  return { documents, problems };
}

function hasContent(document: Document): boolean {
  const { contents } = document;
  return contents !== null && !(isScalar(contents) && contents.value === null);
}

class Source {
  readonly #name: string;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(name: string, document: Document, lines: LineCounter) {
    this.#name = name;
    this.#document = document;
    this.#lines = lines;
  }

  objects(): ManifestText {
    const error = this.#document.errors[0];
    if (error !== undefined) {
      const line = error.linePos?.[0].line;
      const text = error.message.split("\n")[0]?.replace(/ at line \d+, column \d+:?$/, "");
      return refuse(`${this.#name}${line === undefined ? "" : `, line ${line}`}: ${text}`);
    }
    return this.#opened([]);
  }

  /**
   * The object at a path, or the objects in it if it is a list (which may hold lists). Items of a
   * typed list such as PodList leave their kind out, as the API does.
   */
  #opened(path: Path, kindAround = ""): ManifestText {
    const node = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    if (!isMap(node)) return refuse(`${this.#place(path)}: expected a Kubernetes object`);
    let fields: Record<string, unknown>;
    try {
      fields = node.toJS(this.#document, { maxAliasCount: 100 });
    } catch (fault) {
      return refuse(`${this.#place(path)}: ${fault instanceof Error ? fault.message : fault}`);
    }
    const kind = fields.kind ?? kindAround;
    if (typeof kind !== "string" || kind === "") {
      return refuse(`${this.#place(path)}: kind is missing: expected Pod, Namespace or such`);
    }
    if (!kind.endsWith("List") || !Array.isArray(fields.items)) {
      return { documents: [this.#object(path, kind, { ...fields, kind })], problems: [] };
    }
    const inner = fields.items.map((_, at) => {
      return this.#opened([...path, "items", at], kind.slice(0, -"List".length));
    });
    return {
      documents: inner.flatMap((one) => one.documents),
      problems: inner.flatMap((one) => one.problems),
    };
  }

  #object(path: Path, kind: string, fields: Record<string, unknown>): ManifestDocument {
    return { kind, fields, place: (field = []) => this.#place([...path, ...field]) };
  }

  #place(path: Path): string {
    const item = path.map((part) => typeof part === "number" ? `, items[${part}]` : "").join("");
    for (let length = path.length; length >= 0; length--) {
      const part = path.slice(0, length);
      const node = length === 0 ? this.#document.contents : this.#document.getIn(part, true);
      if (!isNode(node) || !node.range) continue;
      return `${this.#name}${item}, line ${this.#lines.linePos(node.range[0]).line}`;
    }
    return this.#name + item;
  }
}

function refuse(problem: string): ManifestText {
  return { documents: [], problems: [problem] };
}
