/**
 * Recognises a `--passthrough` expression that lets nothing through. kiam found its expressions
 * anywhere in the path (`meta-data`, `/latest/*`); here they have to match the whole path.
 */
import { imdsVersion } from "../documents/credentials_documents.ts";
import { ExpressionInvalid, type PassthroughRule, passthroughRule } from "./passthrough_rule.ts";

/** The categories of the EC2 User Guide's "Instance metadata categories", without IAM's. */
const documents = `
  meta-data/ami-id meta-data/ami-launch-index meta-data/ami-manifest-path
  meta-data/ancestor-ami-ids meta-data/autoscaling/target-lifecycle-state
  meta-data/block-device-mapping/ami meta-data/block-device-mapping/root
  meta-data/events/maintenance/history meta-data/events/maintenance/scheduled
  meta-data/events/recommendations/rebalance meta-data/hostname meta-data/instance-action
  meta-data/instance-id meta-data/instance-life-cycle meta-data/instance-type meta-data/ipv6
  meta-data/kernel-id meta-data/local-hostname meta-data/local-ipv4 meta-data/mac
  meta-data/network/interfaces/macs/02:29:96:8f:6a:2d/subnet-id
  meta-data/network/interfaces/macs/02:29:96:8f:6a:2d/vpc-id meta-data/placement/availability-zone
  meta-data/placement/availability-zone-id meta-data/placement/group-name
  meta-data/placement/host-id meta-data/placement/partition-number meta-data/placement/region
  meta-data/product-codes meta-data/public-hostname meta-data/public-ipv4
  meta-data/public-keys/0/openssh-key meta-data/ramdisk-id meta-data/reservation-id
  meta-data/security-groups meta-data/services/domain meta-data/services/partition
  meta-data/spot/instance-action meta-data/spot/termination-time meta-data/system
  meta-data/tags/instance/Name dynamic/fws/instance-monitoring dynamic/instance-identity/document
  dynamic/instance-identity/pkcs7 dynamic/instance-identity/rsa2048
  dynamic/instance-identity/signature user-data
`.trim().split(/\s+/);
const versions = ["latest", "1.0", "2021-01-03"];

const ownPath = new RegExp(`^/${imdsVersion}/[A-Za-z0-9._~+=,:@-]+/[A-Za-z0-9._~+=,:@/-]+$`);

/** One line for an expression that matches no document of EC2; undefined if it matches some. */
export function passthroughNotice(setting: string, withUserData: boolean): string | undefined {
  if (setting === "none" || letsThrough(setting, withUserData)) return undefined;
  if (letsThrough(setting, true)) {
    return `--passthrough: ${
      JSON.stringify(setting)
    } matches user data alone, so pods get 404 for ` +
      "everything; user data needs --passthrough-user-data as well";
  }
  const found = anywhere(setting.replace(/^\^|\$$/g, ""));
  const example = letsThrough(found, false) ? found : "/latest/meta-data/placement/.*";
  return `--passthrough: ${JSON.stringify(setting)} matches none of EC2's documents, so pods get ` +
    `404 for each; it has to match a whole path, as ${JSON.stringify(example)} does`;
}

/** As kiam would have found it. */
function anywhere(expression: string): string {
  if (expression === "") return expression;
  return expression.includes("|") ? `.*(?:${expression}).*` : `.*${expression}.*`;
}

function letsThrough(setting: string, withUserData: boolean): boolean {
  const rule = ruleOf(setting, withUserData);
  // A path of the user's own, such as a tag's, needn't be among those known.
  if (ownPath.test(setting) && rule(setting)) return true;
  return versions.some((version) => documents.some((name) => rule(`/${version}/${name}`)));
}

function ruleOf(setting: string, withUserData: boolean): PassthroughRule {
  try {
    return passthroughRule(setting, withUserData);
  } catch (fault) {
    if (fault instanceof ExpressionInvalid) return () => false;
    throw fault;
  }
}
