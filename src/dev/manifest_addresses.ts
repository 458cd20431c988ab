/**
 * The addresses that manifests give to pods. Only loopback addresses are used, since requests from this
 * machine can come from each of them; others are left out, such as a dual-stack pod's second one.
 */
import type { ManifestDocument } from "../kubernetes/manifests/documents.ts";
import { fieldsOf } from "../kubernetes/manifests/pod_templates.ts";
import { claimant } from "../net/address_claim.ts";
import { canonicalAddress } from "../net/ip_address.ts";

/** An object with its place in the manifests. */
export interface DevObject {
  readonly document: ManifestDocument;
  readonly name: string;
  readonly namespace: string;
  /** A Kubernetes object with all that the facts are picked from. */
  readonly object: Readonly<Record<string, unknown>>;
}

interface Written {
  /** Under `status`. */
  readonly path: readonly string[];
  /** Null where it is no address. */
  readonly address: string | null;
}

/** Lines are added to both. */
interface Findings {
  readonly problems: string[];
  readonly warnings: string[];
}

/**
 * The pod with its loopback addresses alone. A pod without one is like one that has been scheduled
 * and has no address yet, which is worth a warning, unless it is on the host network or has ended.
 */
export function withLoopbackAddresses(read: DevObject, findings: Findings): DevObject {
  if (hasNoAddress(read.object)) return read;
  const written = writtenAddresses(read.object);
  const kept = written.filter(({ address }) => address !== null && isLoopback(address));
  const left = written.filter((one) => !kept.includes(one));
  reportLeftOut(read, left, findings);
  if (kept.length === 0) reportNone(read, written, findings);
  const podIPs = [...new Set(kept.map(({ address }) => address))].map((ip) => ({ ip }));
  const status = { ...fieldsOf(read.object.status), podIP: podIPs[0]?.ip, podIPs };
  return { ...read, object: { ...read.object, status } };
}

function reportLeftOut(
  { document }: DevObject,
  left: readonly Written[],
  findings: Findings,
): void {
  const reported = new Set<string>();
  for (const { path, address } of left) {
    const at = ["status", ...path];
    const is = `${document.place(at)}: status.${fieldName(path)} is ${document.source(at)}`;
    if (address === null) findings.problems.push(`${is}; expected an address such as 127.0.0.2`);
    else if (!reported.has(address)) {
      findings.warnings.push(`${is}: left out: only 127.0.0.0/8 and ::1 can be used from here`);
    }
    reported.add(address ?? "");
  }
}

function reportNone(
  { document, namespace, name }: DevObject,
  written: readonly Written[],
  { warnings }: Findings,
): void {
  if (written.some(({ address }) => address === null)) return;
  const reason = written.length === 0 ? "status.podIP is missing" : "no other address";
  const place = document.place(["status", "podIP"]);
  warnings.push(`${place}: ${reason}: nobody can send requests as ${namespace}/${name} here`);
}

function writtenAddresses(object: DevObject["object"]): Written[] {
  const { podIP, podIPs } = fieldsOf(object.status);
  const several = Array.isArray(podIPs) ? podIPs : [];
  const first = isAbsent(podIP) ? [] : [writtenAt(["podIP"], podIP)];
  return [
    ...first,
    ...several.map((one, at) => writtenAt(["podIPs", String(at), "ip"], fieldsOf(one).ip)),
  ];
}

function writtenAt(path: readonly string[], value: unknown): Written {
  const address = typeof value === "string" ? canonicalAddress(value) : undefined;
  return { path, address: address ?? null };
}

/** As `kubectl` names it: `podIPs[1].ip`. */
function fieldName(path: readonly string[]): string {
  return path.join(".").replace(/\.(\d+)/, "[$1]");
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^127(\.\d+){3}$/.test(address);
}

/** On the host network or ended: no request is identified by its address, so any address will do. */
function hasNoAddress(object: DevObject["object"]): boolean {
  const phase = fieldsOf(object.status).phase;
  const ended = phase === "Succeeded" || phase === "Failed";
  return ended || fieldsOf(object.spec).hostNetwork === true;
}

/** Two pods may share an address, to try it out, with a warning: the agent answers neither. */
export function warnShared(pods: readonly DevObject[], warnings: string[]): void {
  const claims = new Map<string, DevObject[]>();
  for (const pod of pods.filter(({ object }) => !hasNoAddress(object))) {
    const addresses = writtenAddresses(pod.object).map(({ address }) => address);
    for (const address of new Set(addresses)) {
      if (address !== null) claims.set(address, [...claims.get(address) ?? [], pod]);
    }
  }
  for (const [address, claiming] of claims) {
    if (claimant(claiming.map(({ object }) => claimOf(object))) !== undefined) continue;
    const [owner, ...others] = claiming;
    for (const { document } of others) {
      warnings.push(
        `${document.place(["status"])}: ${address} is ${owner?.namespace}/${owner?.name}'s ` +
          "address as well: neither is answered",
      );
    }
  }
}

function claimOf(object: DevObject["object"]) {
  const { deletionTimestamp, creationTimestamp } = fieldsOf(object.metadata);
  return { terminating: Boolean(deletionTimestamp), createdAt: String(creationTimestamp) };
}
