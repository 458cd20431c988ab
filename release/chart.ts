/**
 * Writes the Helm chart from the kustomize base, its overlays and its components, which are its only
 * source: `deno task chart [FOLDER]`. Each of them is rendered beside the base alone; what differs
 * becomes a condition in the chart's templates, so `cluster` and `components` in the values do what
 * the folders of those names do.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { parse, parseAllDocuments, stringify } from "yaml";
import { type Project, readProject } from "./project.ts";
import { inTemporaryFolder, result, root, run } from "./run.ts";
import { type Node, template, type Variant } from "./chart_template.ts";

const kustomize = join(root, "deploy/kustomize");
const settings = ["agent", "server"] as const;

/** Not in the chart: it runs after the chart is gone. */
const without = new Set(["uninstall"]);

/** `digest`: the image's, where it has been pushed. */
export function writeChart(folder: string, project: Project, digest = ""): void {
  const base = rendered([]);
  const clusters = readdirSync(join(kustomize, "overlays")).filter((name) => !without.has(name));
  const components = readdirSync(join(kustomize, "components")).filter((name) => name !== "labels");
  const features = [
    ...components.map((name) => feature(name, rendered([name]))),
    ...clusters.map((name) => feature(`cluster-${name}`, withoutComponents(name))),
  ];
  const templates = join(folder, "templates");
  mkdirSync(templates, { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write("Chart.yaml", stringify(chartOf(project)));
  write(
    "values.yaml",
    readFileSync(join(root, "release/chart_values.yaml"), "utf8")
      .replace("REPOSITORY", project.image)
      .replace('digest: ""', `digest: "${digest}"`),
  );
  write("values.schema.json", JSON.stringify(schemaOf(clusters, components), null, 2) + "\n");
  write(".helmignore", "*.orig\n");
  writeFileSync(join(templates, "_helpers.tpl"), helpers(base, features, clusters));
  writeFileSync(join(templates, "objects.yaml"), template(base, features));
}

function feature(name: string, objects: Objects): Variant {
  return { condition: `has "${name}" $features`, node: objects };
}

/** By identity; ConfigMaps with settings without the hash in their names. */
type Objects = Readonly<Record<string, Node>>;

/** The base with these components. */
function rendered(components: readonly string[]): Objects {
  return inTemporaryFolder((folder) => {
    const path = (name: string) => relative(folder, join(kustomize, name));
    writeFileSync(
      join(folder, "kustomization.yaml"),
      JSON.stringify({
        resources: [path("base")],
        components: components.map((name) => path(`components/${name}`)),
      }),
    );
    return objectsIn(run("kubectl", "kustomize", folder));
  });
}

/** An overlay's own changes; its components are features of their own. */
function withoutComponents(name: string): Objects {
  const from = join(kustomize, "overlays", name);
  return inTemporaryFolder((folder) => {
    cpSync(from, folder, { recursive: true });
    const { components: _, resources, ...rest } = overlay(name);
    const moved = { ...rest, resources: resources.map((one) => relative(folder, join(from, one))) };
    writeFileSync(join(folder, "kustomization.yaml"), stringify(moved));
    return objectsIn(run("kubectl", "kustomize", folder));
  });
}

interface Overlay {
  readonly resources: readonly string[];
  readonly components?: readonly string[];
}

function overlay(name: string): Overlay {
  return parse(readFileSync(join(kustomize, "overlays", name, "kustomization.yaml"), "utf8"));
}

function objectsIn(yaml: string): Objects {
  const plain = yaml.replaceAll(/\b(rolecall-(?:agent|server)-settings)-[a-z0-9]{10}\b/g, "$1");
  return Object.fromEntries(
    parseAllDocuments(plain).map((one) => one.toJS()).map((object) => [
      [object.apiVersion, object.kind, object.metadata.namespace, object.metadata.name].join(" "),
      object,
    ]),
  );
}

/** What templates include: the image, the features that are on, and both ConfigMaps' data. */
function helpers(
  base: Objects,
  features: readonly Variant[],
  clusters: readonly string[],
): string {
  const included = clusters.map((name) => {
    const own = (overlay(name).components ?? []).map((path) => path.split("/").at(-1)!);
    return [name, [...own, `cluster-${name}`]];
  });
  const parts = [
    `{{- define "rolecall.image" -}}
{{- with .Values.image -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end -}}`,
    `{{- define "rolecall.features" -}}
{{- $clusters := fromJson ${"`"}${JSON.stringify(Object.fromEntries(included))}${"`"} -}}
{{- concat (index $clusters .Values.cluster) .Values.components | toJson -}}
{{- end -}}`,
  ];
  for (const who of settings) {
    const at = `v1 ConfigMap rolecall rolecall-${who}-settings`;
    const dataOf = (objects: Node) =>
      (objects as Record<string, { data: Record<string, string> }>)[at]!.data;
    const sets = (data: Record<string, string>) =>
      Object.entries(data).map(([key, value]) =>
        `{{- $_ := set $data ${JSON.stringify(key)} ${JSON.stringify(value)} }}`
      );
    const own = dataOf(base);
    const changes = features.flatMap(({ condition, node }) => {
      const changed = Object.entries(dataOf(node)).filter(([key, value]) => own[key] !== value);
      if (changed.length === 0) return [];
      return [`{{- if ${condition} }}`, ...sets(Object.fromEntries(changed)), "{{- end }}"];
    });
    parts.push([
      `{{- define "rolecall.${who}Settings" -}}`,
      `{{- $features := include "rolecall.features" . | fromJsonArray }}`,
      "{{- $data := dict }}",
      ...sets(own),
      ...changes,
      `{{- range $key, $value := .Values.${who}.settings }}`,
      // Helm's numbers are floats: toString writes 12345678 as 1.2345678e+07.
      '{{- $_ := set $data $key (kindIs "string" $value | ternary $value (toJson $value)) }}',
      "{{- end }}",
      "{{- toYaml $data }}",
      "{{- end -}}",
    ].join("\n"));
    // A changed setting changes the name, and with it the pods, as kustomize's hash does.
    parts.push(
      `{{- define "rolecall.${who}SettingsName" -}}
rolecall-${who}-settings-{{ include "rolecall.${who}Settings" . | sha256sum | trunc 10 }}
{{- end -}}`,
    );
  }
  return parts.join("\n\n") + "\n";
}

function chartOf({ version, description, license, repository, image }: Project): object {
  return {
    apiVersion: "v2",
    name: "rolecall",
    description,
    type: "application",
    version,
    appVersion: version,
    kubeVersion: ">=1.30.0-0",
    home: repository,
    sources: [repository],
    keywords: ["aws", "iam", "kiam", "kube2iam", "credentials"],
    annotations: {
      "artifacthub.io/license": license,
      "artifacthub.io/category": "security",
      "artifacthub.io/images": stringify([{ name: "rolecall", image: `${image}:${version}` }]),
      "artifacthub.io/links": stringify([
        { name: "Documentation", url: `${repository}/blob/v${version}/docs/deploying.md` },
        { name: "Security", url: `${repository}/blob/v${version}/docs/security.md` },
      ]),
    },
  };
}

function schemaOf(clusters: readonly string[], components: readonly string[]): object {
  const settings = {
    type: "object",
    propertyNames: { pattern: "^(ROLECALL|AWS)_[A-Z0-9_]+$" },
    additionalProperties: { type: ["string", "number", "boolean"] },
  };
  const closed = (properties: object) => ({
    type: "object",
    additionalProperties: false,
    properties,
  });
  const text = { type: "string" };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    ...closed({
      global: { type: "object" },
      image: closed({
        repository: { type: "string", minLength: 1 },
        tag: text,
        digest: { type: "string", pattern: "^(sha256:[0-9a-f]{64})?$" },
      }),
      cluster: { enum: clusters },
      components: { type: "array", uniqueItems: true, items: { enum: components } },
      agent: closed({ settings, resources: { type: ["object", "null"] } }),
      server: closed({
        settings,
        replicas: { type: ["integer", "null"] },
        nodeSelector: { type: ["object", "null"] },
        tolerations: { type: ["array", "null"] },
        resources: { type: ["object", "null"] },
        serviceAccountAnnotations: { type: ["object", "null"] },
      }),
      monitoringNamespace: { type: "string", minLength: 1 },
    }),
  };
}

if (import.meta.main) {
  const project = await readProject();
  const folder = process.argv[2] ?? result("rolecall");
  writeChart(folder, project);
  console.log(folder);
}
