/**
 * A kubeconfig's exec plug-in (such as `aws eks get-token`) or OIDC provider, run by
 * @kubernetes/client-node and asked again when what it gave has run out.
 */
import type { User } from "@kubernetes/client-node/dist/config_types.js";
import { messageOf } from "./api_fault.ts";
import { ConnectionFault } from "./connection.ts";

export interface Granted {
  readonly headers: Readonly<Record<string, string>>;
  /** PEM. */
  readonly cert?: string;
  readonly key?: string;
}

export type Plugin = (refresh: boolean) => Promise<Granted>;

interface Authenticator {
  isAuthProvider(user: User): boolean;
  applyAuthentication(user: User, options: PluginOptions): Promise<void>;
}

interface PluginOptions {
  headers: Record<string, string>;
  cert?: string;
  key?: string;
}

/** The plug-in that this user needs, or null. */
export async function pluginFor(user: User): Promise<Plugin | null> {
  const make = await authenticatorFor(user);
  if (!make) return null;
  let authenticator = make();
  return async (refresh) => {
    // It remembers its credential until that expires; one refused before is forgotten with it.
    if (refresh) authenticator = make();
    return await grant(authenticator, user);
  };
}

async function authenticatorFor(user: User): Promise<(() => Authenticator) | null> {
  if (user.exec || user.authProvider?.config?.exec) {
    const { ExecAuth } = await import("@kubernetes/client-node/dist/exec_auth.js");
    return () => new ExecAuth() as unknown as Authenticator;
  }
  if (user.authProvider?.name !== "oidc") return null;
  const { OpenIDConnectAuth } = await import("@kubernetes/client-node/dist/oidc_auth.js");
  return () => new OpenIDConnectAuth() as unknown as Authenticator;
}

async function grant(authenticator: Authenticator, user: User): Promise<Granted> {
  const options: PluginOptions = { headers: {} };
  try {
    await authenticator.applyAuthentication(user, options);
  } catch (cause) {
    const name = user.exec?.command ?? user.authProvider?.name ?? "plug-in";
    const message = `kubeconfig user "${user.name}": ${name} failed: ${messageOf(cause)}`;
    throw new ConnectionFault("access_unavailable", message, { cause });
  }
  return options;
}
