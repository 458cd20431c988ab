/** The metadata front's routes, over canonical paths. The first that matches answers. */
import { imdsVersion } from "../documents/credentials_documents.ts";
import type { Route } from "../http/front.ts";
import type { ImdsHandlers } from "./handlers.ts";
import { credentialTree, tokenTree } from "./passthrough_rule.ts";

/** What a request was about; the label of its metrics. */
export type ImdsRoute = "token" | "roles" | "info" | "blocked" | "metadata" | "refused";

const iam = `/:version{${imdsVersion}}/meta-data/iam`;
const read = ["GET", "HEAD"];

/** A role may be given as its ARN, encoded as a whole. */
export const beforeRole = new RegExp(`^/${imdsVersion}/meta-data/iam/security-credentials/`);

export function imdsRoutes(handlers: ImdsHandlers): readonly Route<ImdsRoute>[] {
  const { token, roleList, credentials, info, passthrough, notFound } = handlers;
  return [
    { name: "token", pattern: "/latest/api/token", methods: "any", handler: token },
    { name: "roles", pattern: `${iam}/security-credentials`, methods: read, handler: roleList },
    {
      name: "roles",
      pattern: `${iam}/security-credentials/:role{.+}`,
      methods: read,
      handler: credentials,
    },
    { name: "info", pattern: `${iam}/info`, methods: read, handler: info },
    { name: "blocked", pattern: `/:path{${tokenTree}}`, methods: "any", handler: notFound },
    { name: "blocked", pattern: `/:path{${credentialTree}}`, methods: read, handler: notFound },
    { name: "metadata", pattern: "/*", methods: read, handler: passthrough },
  ];
}
