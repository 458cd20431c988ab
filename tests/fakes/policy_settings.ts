import type { PolicySettings } from "../../src/policy/facts.ts";

/** What the server's flags are by default, in account 111122223333. */
export const policySettings: PolicySettings = {
  roleBaseArn: "arn:aws:iam::111122223333:role/",
  permittedMatch: "arn",
  honourAllowedRoles: false,
  hostNetworkServed: false,
  sessionNameTemplate: "{namespace}.{serviceAccount}",
  sessionDurationSeconds: 3600,
  maxSessionDurationSeconds: 43_200,
  sessionTags: [],
  transitiveTagKeys: [],
  sourceIdentityTemplate: null,
  externalIdTemplate: null,
  externalIdPermitted: null,
  assumeRolePermitted: null,
  clusterName: null,
  assumeWith: "server",
  webIdentityAudience: "sts.amazonaws.com",
  honourIrsaAnnotations: false,
  reservedRoleArns: [],
};
