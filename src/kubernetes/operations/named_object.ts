/**
 * One Secret or ConfigMap of a known name, read and written by server-side apply alone: RBAC can
 * restrict get and patch to a name, and a patch also creates the object if it is missing.
 */
import { Buffer } from "node:buffer";
import type { V1ConfigMap, V1Secret } from "@kubernetes/client-node";
import * as v from "valibot";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";

interface NamedObjectOptions {
  readonly api: Pick<KubernetesApi, "json">;
  readonly kind: "Secret" | "ConfigMap";
  readonly namespace: string;
  readonly name: string;
  /** Such as the pod's name; managedFields show it if this replica created the object. */
  readonly writer: string;
}

interface NamedObject {
  /** `Secret rolecall/rolecall-server-tls`, for messages. */
  readonly label: string;
  /** Null if there is none. @throws {ApiFault} */
  read(): Promise<StoredObject | null>;
  /**
   * Writes these keys; `conflict` if the object has changed since it was read (or, with null, exists).
   * @throws {ApiFault}
   */
  write(
    data: Readonly<Record<string, string>>,
    resourceVersion: string | null,
  ): Promise<"written" | "conflict">;
}

interface StoredObject {
  readonly resourceVersion: string;
  readonly data: Readonly<Record<string, string>>;
}

const object = v.object({
  metadata: v.object({ resourceVersion: v.string() }),
  data: v.optional(v.nullable(v.record(v.string(), v.string())), {}),
});

export function createNamedObject(options: NamedObjectOptions): NamedObject {
  const { api, kind, namespace, name } = options;
  const plural = kind === "Secret" ? "secrets" : "configmaps";
  const target = `${plural} ${namespace}/${name}`;
  const path = `/api/v1/namespaces/${namespace}/${plural}/${name}`;
  // Replicas must differ in it even if all have the same name.
  const creator = `rolecall-${options.writer.slice(0, 80)}-${crypto.randomUUID().slice(0, 8)}`;

  async function read(): Promise<StoredObject | null> {
    const found = await unless("api_not_found", api.json({ action: `get ${target}`, path }));
    return found === "api_not_found" ? null : stored(kind, target, found);
  }

  async function write(
    data: Readonly<Record<string, string>>,
    resourceVersion: string | null,
  ): Promise<"written" | "conflict"> {
    const done = await unless(
      "api_conflict",
      api.json({
        action: `patch ${target}`,
        method: "PATCH",
        path: `${path}?${applyQuery(creator, resourceVersion)}`,
        contentType: "application/apply-patch+yaml",
        body: {
          apiVersion: "v1",
          kind,
          metadata: { name, namespace, ...(resourceVersion === null ? {} : { resourceVersion }) },
          data: kind === "Secret" ? encoded(data) : data,
        } satisfies V1Secret | V1ConfigMap,
      }),
    );
    return done === "api_conflict" ? "conflict" : "written";
  }

  return { label: `${kind} ${namespace}/${name}`, read, write };
}

/**
 * An update is guarded by its resourceVersion. A creation can't be; its guard is a field manager
 * of this writer without force: if another writer has created the object with other values in
 * between, the API responds 409.
 */
function applyQuery(creator: string, resourceVersion: string | null): URLSearchParams {
  const creating = resourceVersion === null;
  const fieldManager = creating ? creator : "rolecall";
  return new URLSearchParams({ fieldManager, force: String(!creating) });
}

async function unless<T, C extends string>(code: C, answer: Promise<T>): Promise<T | C> {
  try {
    return await answer;
  } catch (fault) {
    if (fault instanceof ApiFault && fault.code === code) return code;
    throw fault;
  }
}

function stored(kind: NamedObjectOptions["kind"], target: string, value: unknown): StoredObject {
  const read = v.safeParse(object, value);
  if (!read.success) {
    const message = `kubernetes: cannot get ${target}: the response is not a ${kind}`;
    throw new ApiFault(message, { code: "api_refused", status: null });
  }
  const { metadata, data } = read.output;
  const { resourceVersion } = metadata;
  return { resourceVersion, data: kind === "Secret" ? decoded(data ?? {}) : data ?? {} };
}

function encoded(data: Readonly<Record<string, string>>): Record<string, string> {
  return mapValues(data, (text) => Buffer.from(text).toString("base64"));
}

function decoded(data: Readonly<Record<string, string>>): Record<string, string> {
  return mapValues(data, (text) => Buffer.from(text, "base64").toString());
}

function mapValues(
  data: Readonly<Record<string, string>>,
  change: (text: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, change(text)]));
}
