/** Chooses the source of the serving certificate: files, or the server's own CA. */
import { createNamedObject } from "../kubernetes/operations/named_object.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { certificateIssuer } from "./certificate/certificate_authority.ts";
import { CertificateFiles } from "./certificate/certificate_files.ts";
import type { Cluster } from "./cluster_connection.ts";
import type { ServerSettings } from "./config.ts";
import type { Log } from "../telemetry/log.ts";
import { ServingCertificate } from "./certificate/serving_certificate.ts";
import type { KeyPair } from "./certificate/serving_listener.ts";

export interface TlsSource {
  /** When the served certificate expires, milliseconds since the epoch; null before the first. */
  certificateExpiresAt(): number | null;
  /** What is wrong, with the name of the file or object; null if nothing is. */
  problem(): string | null;
  /** Calls `changed` with the first certificate and each new one, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

interface TlsSourceOptions {
  readonly runtime: Runtime;
  readonly settings: ServerSettings;
  readonly cluster: Cluster;
  readonly log: Log;
  readonly changed: (pair: KeyPair) => void;
}

export function tlsSource(options: TlsSourceOptions): TlsSource {
  const { runtime, settings, cluster, log, changed } = options;
  const shared = { clock: systemClock, log, changed };
  if (settings.tlsFiles !== null) {
    const { readTextFile, watchFile } = runtime;
    return new CertificateFiles({ ...shared, ...settings.tlsFiles, readTextFile, watchFile });
  }
  const { namespace } = cluster;
  if (namespace === null) throw new TypeError("self-managed certificates need a namespace");
  const object = (kind: "Secret" | "ConfigMap", name: string) =>
    createNamedObject({ api: cluster.api, kind, namespace, name, writer: cluster.replica });
  return new ServingCertificate({
    ...shared,
    secret: object("Secret", settings.tlsSecret),
    configMap: object("ConfigMap", settings.caConfigMap),
    issuer: certificateIssuer,
    names: settings.tlsDnsNames.length > 0 ? settings.tlsDnsNames : serviceNames(namespace),
    random: Math.random,
  });
}

/** The forms in which agents may write the Service's name. */
function serviceNames(namespace: string): string[] {
  const name = "rolecall-server";
  const inNamespace = `${name}.${namespace}`;
  return [name, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.cluster.local`];
}
