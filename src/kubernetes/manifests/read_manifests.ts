/** Manifests from files, folders and standard input, as `kubectl` takes them. */
import { codeOf, messageOf } from "../../telemetry/fault.ts";
import { type ManifestObject, manifestObjects } from "./objects.ts";
import { type ManifestText, readManifestText } from "./documents.ts";

/** Where manifests come from; faults carry a plain message and the system's code. */
export interface ManifestFiles {
  /** Rejects with code EISDIR for a folder. */
  readTextFile(path: string): Promise<string>;
  /** The names in a folder. */
  listFolder(path: string): Promise<readonly string[]>;
  /** To its end. */
  readStdin(): Promise<string>;
}

interface ManifestReading {
  /** The files that were read, and the folders that more may come into, as `FOLDER/.`. */
  readonly files: readonly string[];
  readonly objects: readonly ManifestObject[];
  /** A line each: file, document, line, what is expected. With any, the objects aren't all. */
  readonly problems: readonly string[];
}

/** `namespace` is that of objects that name none, as with kubectl's `-n`. */
export async function readManifests(
  paths: readonly string[],
  source: ManifestFiles,
  namespace?: string,
): Promise<ManifestReading> {
  const texts = (await Promise.all(paths.map((path) => readPath(path, source)))).flat();
  const { objects, problems } = manifestObjects(
    texts.flatMap(({ documents }) => documents),
    namespace,
  );
  return {
    files: texts.map(({ file }) => file),
    objects,
    problems: [...texts.flatMap((text) => text.problems), ...problems],
  };
}

interface FileText extends ManifestText {
  readonly file: string;
}

async function readPath(path: string, source: ManifestFiles): Promise<FileText[]> {
  try {
    if (path === "-") return [notEmpty(textOf("standard input", await source.readStdin()))];
    return [notEmpty(textOf(path, await source.readTextFile(path)))];
  } catch (fault) {
    return isFolder(fault) ? await readFolder(path, source) : [unreadable(path, fault)];
  }
}

/** As `kubectl` looks at a folder: by extension, in order, without what is further down. */
async function readFolder(folder: string, source: ManifestFiles): Promise<FileText[]> {
  const file = `${folder.replace(/\/+$/, "")}/.`;
  try {
    const names = (await source.listFolder(folder)).filter((one) => /\.(?:json|ya?ml)$/.test(one));
    const paths = names.sort().map((name) => file.slice(0, -1) + name);
    const texts = await Promise.all(paths.map((path) => readInFolder(path, source)));
    const found = texts.some(({ documents, problems }) => documents.length + problems.length > 0);
    const none = `${folder}: no manifests in *.yaml, *.yml and *.json of this folder`;
    return [{ file, documents: [], problems: found ? [] : [none] }, ...texts];
  } catch (fault) {
    return [unreadable(folder, fault)];
  }
}

async function readInFolder(path: string, source: ManifestFiles): Promise<FileText> {
  try {
    return textOf(path, await source.readTextFile(path));
  } catch (fault) {
    return isFolder(fault) ? textOf(path, "") : unreadable(path, fault);
  }
}

function textOf(file: string, text: string): FileText {
  return { file, ...readManifestText(file, text) };
}

/** A file that is named has to hold something. */
function notEmpty(read: FileText): FileText {
  const { file, documents, problems } = read;
  if (documents.length + problems.length > 0) return read;
  return problemOf(file, "no document in it; expected Kubernetes manifests, YAML or JSON");
}

function isFolder(fault: unknown): boolean {
  return codeOf(fault) === "EISDIR";
}

function unreadable(file: string, fault: unknown): FileText {
  const why = messageOf(fault);
  const remedy = "name a manifest, a folder of manifests, or - for standard input";
  return problemOf(file, `can't be read: ${why}; ${remedy}`);
}

function problemOf(file: string, problem: string): FileText {
  return { file, documents: [], problems: [`${file}: ${problem}`] };
}
