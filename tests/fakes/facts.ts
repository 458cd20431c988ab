/** Facts to start a test from: each valid, with the one thing changed that the test is about. */
import type {
  NamespaceFacts,
  PodFacts,
  RoleIdentity,
  ServiceAccountFacts,
} from "../../src/policy/facts.ts";

/** A running pod `shop/web` on node `n1` with an address and without a role. */
export function podFacts(changes: Partial<PodFacts> = {}): PodFacts {
  return {
    uid: "uid-web",
    namespace: "shop",
    name: "web",
    nodeName: "n1",
    serviceAccount: "default",
    ips: ["10.0.0.7"],
    hostNetwork: false,
    terminal: false,
    terminating: false,
    mirror: null,
    createdAt: "2026-01-01T00:00:00Z",
    role: null,
    sessionName: null,
    externalId: null,
    sessionDuration: null,
    sessionPolicyArns: null,
    ...changes,
  };
}

/** Namespace `shop`, which permits every role. */
export function namespaceFacts(changes: Partial<NamespaceFacts> = {}): NamespaceFacts {
  return {
    name: "shop",
    permitted: ".*",
    allowedRoles: null,
    defaultRole: null,
    imdsv2: null,
    externalId: null,
    assumeRole: null,
    assumeWith: null,
    sessionPolicyArns: null,
    sessionPolicy: null,
    terminating: false,
    ...changes,
  };
}

/** ServiceAccount `shop/default`, without a role. */
export function serviceAccountFacts(
  changes: Partial<ServiceAccountFacts> = {},
): ServiceAccountFacts {
  return {
    namespace: "shop",
    name: "default",
    role: null,
    irsaRole: null,
    sessionPolicyArns: null,
    ...changes,
  };
}

/** Role `reader` for an hour, with nothing else sent to STS. */
export function roleIdentity(changes: Partial<RoleIdentity> = {}): RoleIdentity {
  return {
    arn: "arn:aws:iam::111122223333:role/reader",
    sessionName: "shop.cart",
    externalId: null,
    durationSeconds: 3600,
    tags: [],
    transitiveTagKeys: [],
    sourceIdentity: null,
    policyArns: [],
    policy: null,
    assumedBy: null,
    webIdentity: null,
    ...changes,
  };
}
