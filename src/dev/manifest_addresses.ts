/** The addresses that manifests give to pods: in 127.0.0.0/8, so that this machine can ask as each. */
import { fieldsOf, type ReadObject, shown } from "./manifest_fields.ts";

/** A pod needs one unless it is on the host's network or has ended. */
export function checkAddresses({ document, object }: ReadObject, problems: string[]): void {
  if (hasNoAddress(object)) return;
  const addresses = addressesOf(object);
  const place = document.place(["status", "podIP"]);
  const expected = "expected an address in 127.0.0.0/8, such as 127.0.0.2";
  if (addresses.length === 0) problems.push(`${place}: status.podIP is missing: ${expected}`);
  for (const address of addresses.filter((one) => !isLoopback(one))) {
    problems.push(`${place}: status.podIP is ${shown(address)}: ${expected}, to ask from here`);
  }
}

/** On the host's network or ended: never found by address, so any address will do. */
function hasNoAddress(object: ReadObject["object"]): boolean {
  const phase = fieldsOf(object.status).phase;
  const ended = phase === "Succeeded" || phase === "Failed";
  return ended || fieldsOf(object.spec).hostNetwork === true;
}

/** A terminating pod's yields to that of any other. */
function hasNoClaim(object: ReadObject["object"]): boolean {
  return hasNoAddress(object) || Boolean(fieldsOf(object.metadata).deletionTimestamp);
}

function addressesOf(object: ReadObject["object"]): readonly unknown[] {
  const status = fieldsOf(object.status);
  const several = Array.isArray(status.podIPs) ? status.podIPs : [];
  const all = [status.podIP, ...several.map((one) => fieldsOf(one).ip)];
  return [...new Set(all.filter((one) => one !== undefined && one !== null && one !== ""))];
}

function isLoopback(address: unknown): boolean {
  if (typeof address !== "string") return false;
  const parts = address.split(".");
  return parts.length === 4 && parts[0] === "127" && parts.every(isByte);
}

function isByte(text: string): boolean {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) < 256;
}

/** Two pods at one address is something to try: neither gets an answer, unless one is terminating. */
export function warnShared(pods: readonly ReadObject[], warnings: string[]): void {
  const owners = new Map<unknown, string>();
  for (const { object, document, namespace, name } of pods) {
    for (const address of hasNoClaim(object) ? [] : addressesOf(object)) {
      const owner = owners.get(address);
      owners.set(address, `${namespace}/${name}`);
      if (owner === undefined) continue;
      warnings.push(
        `${
          document.place(["status"])
        }: ${address} is ${owner}'s address as well: neither is answered`,
      );
    }
  }
}
