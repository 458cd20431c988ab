/**
 * Certificates without cryptography: the product decides when they are issued, published and served;
 * here an authority is a name, and a node's kubelet updates its copy of the ConfigMap now and then.
 */
import type { CertificateIssuer } from "../../src/server/certificate/certificate_authority.ts";
import { certificateTerms } from "../../src/server/certificate/certificate_plan.ts";
import {
  type Authority,
  bundleOf,
  encodeState,
  type Leaf,
} from "../../src/server/certificate/certificate_state.ts";
import type { Random } from "./random.ts";
import type { SimulatedApi } from "./simulated_api.ts";
import type { VirtualClock } from "./virtual_clock.ts";

export const secretName = "rolecall-server-tls";
export const configMapName = "rolecall-server-ca";
/** Whose certificate is served at the beginning. */
export const firstAuthority = "ca-1";
/** The names that agents connect to. */
export const serverNames = ["rolecall-server"];
/** Kubelets refresh their volumes within this time. */
const refreshMs = 90_000;
const minuteMs = 60_000;

/** One for all servers. */
export class SimulatedIssuer implements CertificateIssuer {
  #authorities = 0;

  authority(now: number): Promise<Authority> {
    return Promise.resolve(this.#next(now + certificateTerms.authorityMs));
  }

  leaf({ id, key }: Authority, names: readonly string[], now: number): Promise<Leaf> {
    if (key === null) return Promise.reject(new Error(`${id}: its key is gone`));
    return Promise.resolve(leafOf(id, names, now, now + certificateTerms.leafMs));
  }

  /**
   * An authority and a certificate that have been in use, and are to be replaced at some time within
   * the next eight minutes.
   */
  begin(api: SimulatedApi, random: Random, now: number): void {
    const soon = () => random.next() * 8 * minuteMs;
    const authority = this.#next(now + certificateTerms.successionMs + soon());
    const expiresAt = now + certificateTerms.leafMs / 3 + soon();
    const issuedAt = expiresAt - certificateTerms.leafMs;
    const leaf = leafOf(authority.id, serverNames, issuedAt, expiresAt);
    const state = { authorities: [authority], leaf };
    const base64 = Object.entries(encodeState(state)).map(([key, text]) => [key, btoa(text)]);
    const metadata = { namespace: "rolecall" };
    api.put("secrets", {
      kind: "Secret",
      metadata: { ...metadata, name: secretName },
      data: Object.fromEntries(base64),
    });
    api.put("configmaps", {
      kind: "ConfigMap",
      metadata: { ...metadata, name: configMapName },
      data: { "ca.crt": bundleOf(state) },
    });
  }

  #next(expiresAt: number): Authority {
    const id = `ca-${++this.#authorities}`;
    return { id, certificate: id, key: `key of ${id}`, expiresAt, retireAt: null };
  }
}

function leafOf(
  authority: string,
  names: readonly string[],
  issuedAt: number,
  expiresAt: number,
): Leaf {
  const certificate = `${authority} until ${new Date(expiresAt).toISOString()}`;
  return { authority, names: [...names], issuedAt, expiresAt, certificate, key: "key" };
}

/** The authority that has signed a certificate, by its text, and whether it has expired. */
export function readCertificate(certificate: string, now: number) {
  const [authority = "", , expiresAt = ""] = certificate.split(" ");
  return { authority, expired: Date.parse(expiresAt) <= now };
}

/** A node's copy of the ConfigMap. It stays when that is removed. */
export class MountedBundle {
  /** The names of the authorities in it. */
  trusted: ReadonlySet<string> = new Set();

  constructor(clock: VirtualClock, random: Random, api: SimulatedApi) {
    const refresh = () => {
      const object = api.object("configmaps", `rolecall/${configMapName}`);
      const bundle = object?.data?.["ca.crt"];
      if (bundle !== undefined) this.trusted = new Set(bundle.trim().split("\n"));
      clock.after((0.3 + 0.7 * random.next()) * refreshMs, refresh);
    };
    refresh();
  }
}
