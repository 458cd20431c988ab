/** The lines that `dev` prints: commands to paste, and what each pod gets. */
import type { NotAnswered } from "./shared_addresses.ts";

/** A pod in the server's summary. */
export interface PodRow {
  readonly namespace: string;
  readonly name: string;
  readonly ips: readonly string[];
  readonly hostNetwork: boolean;
  readonly state: "none" | "denied" | "pending" | "ready" | "failed" | "unserved";
  readonly reason: string | null;
  readonly message: string | null;
  readonly roleArn: string | null;
  /** Its addresses at which it gets no answer. */
  readonly notAnswered: readonly NotAnswered[];
}

export interface Addresses {
  /** `HOST:PORT` each. */
  readonly agent: string;
  readonly admin: string;
  readonly status: string;
  /** URL for the SDK's calls; null for AWS itself. */
  readonly sts: string | null;
  readonly region: string;
  /** `--imdsv2=required`: no answer without a session token. */
  readonly tokenRequired: boolean;
  /** Where container credentials are, and a pod's token for them; null where they aren't served. */
  readonly credentials:
    | { readonly at: string; readonly tokenOf: (pod: PodRow) => string }
    | null;
}

/**
 * Commands to paste, for the pod at 127.0.0.1 if there is one, since SDKs don't choose a source
 * address: with a token, without one, and through an SDK.
 */
export function commandLines(addresses: Addresses, pods: readonly PodRow[]): string[] {
  const head = [
    `agent http://${addresses.agent}   status http://${addresses.status}/   ` +
    `metrics http://${addresses.admin}/metrics`,
    "",
  ];
  const [first] = reachable(pods);
  if (first === undefined) return [...head, "There is no pod to send requests as yet."];
  const { ip, pod } = first;
  const curl = ip === "127.0.0.1" ? "curl -s" : `curl -s --interface ${ip}`;
  const list = `http://${addresses.agent}/latest/meta-data/iam/security-credentials/`;
  const role = pod.roleArn?.split("/").at(-1) ?? "";
  return [
    ...head,
    `Paste, and you are the pod ${pod.namespace}/${pod.name} at ${ip}:`,
    "",
    ...(addresses.tokenRequired ? [] : [`  ${curl} -w '\\n' ${list}`, ""]),
    `  TOKEN=$(${curl} -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' ` +
    `http://${addresses.agent}/latest/api/token)`,
    `  ${curl} -w '\\n' -H "X-aws-ec2-metadata-token: $TOKEN" ${list}${role}`,
    ...(ip === "127.0.0.1" ? sdkLines(addresses) : []),
    ...credentialsLines(addresses, pod),
  ];
}

/** How to send requests as another pod than in `commandLines()`, if there is one. */
export function otherPodLines(pods: readonly PodRow[]): string[] {
  const second = reachable(pods)[1]?.ip;
  if (second === undefined) return [];
  return [
    `curl --interface ${second} … sends a request as the pod at that address` +
    ` (on macOS after: sudo ifconfig lo0 alias ${second}).`,
  ];
}

/** The addresses from which requests can be sent on this machine, with their pods, in order. */
function reachable(pods: readonly PodRow[]): { readonly ip: string; readonly pod: PodRow }[] {
  return pods
    .filter(({ hostNetwork }) => !hostNetwork)
    .flatMap((pod) => answeredAt(pod).map((ip) => ({ ip, pod })))
    .filter(({ ip }) => ip.startsWith("127."))
    .sort((a, b) => addressKey(a.ip).localeCompare(addressKey(b.ip)));
}

function answeredAt({ ips, notAnswered }: PodRow): string[] {
  return ips.filter((ip) => !notAnswered.some(({ address }) => address === ip));
}

function sdkLines(addresses: Addresses): string[] {
  return awsLines(addresses, [`AWS_EC2_METADATA_SERVICE_ENDPOINT=http://${addresses.agent}`]);
}

/** Here the token identifies the pod, so the SDK's own address doesn't matter. */
function credentialsLines(addresses: Addresses, pod: PodRow): string[] {
  const { credentials } = addresses;
  if (credentials === null) return [];
  return awsLines(addresses, [
    `AWS_CONTAINER_CREDENTIALS_FULL_URI=http://${credentials.at}/v1/credentials`,
    `AWS_CONTAINER_AUTHORIZATION_TOKEN=${credentials.tokenOf(pod)}`,
  ]);
}

/** Unsets the user's own profiles and keys, which every SDK prefers. */
function awsLines({ sts, region }: Addresses, variables: readonly string[]): string[] {
  const endpoint = sts === null ? "" : ` --endpoint-url ${sts}`;
  return [
    "",
    "  env -u AWS_PROFILE -u AWS_ACCESS_KEY_ID AWS_CONFIG_FILE=/dev/null " +
    "AWS_SHARED_CREDENTIALS_FILE=/dev/null \\",
    ...variables.map((variable) => `    ${variable} \\`),
    `    aws sts get-caller-identity --region ${region}${endpoint}`,
  ];
}

/** A line per pod, by address. `absent` are pods given by `--as` that don't exist. */
export function podLines(pods: readonly PodRow[], absent: readonly string[] = []): string[] {
  const rows = pods
    .map((pod) => ({
      address: pod.ips.join(",") || "-",
      pod: `${pod.namespace}/${pod.name}`,
      outcome: outcomeText(pod),
    }))
    .concat(absent.map((pod) => ({ address: "-", pod, outcome: "doesn't exist (yet)" })))
    .sort((a, b) => addressKey(a.address).localeCompare(addressKey(b.address)));
  const wide = (column: "address" | "pod") => Math.max(0, ...rows.map((row) => row[column].length));
  return rows.map((row) =>
    `  ${row.address.padEnd(wide("address"))}  ${row.pod.padEnd(wide("pod"))}  ${row.outcome}`
  );
}

function outcomeText(pod: PodRow): string {
  if (pod.notAnswered.length === 0) return decisionText(pod);
  const reasons = pod.notAnswered.map((one) => one.reason).join(", ");
  const before = answeredAt(pod).length > 0 ? `${decisionText(pod)}; ` : "";
  return `${before}not answered: ${reasons}`;
}

function decisionText({ hostNetwork, state, reason, message, roleArn }: PodRow): string {
  if (hostNetwork) return "on the host network: no address identifies it";
  if (state === "none") return "no role";
  if (state === "denied" || state === "failed") return `denied, ${reason}: ${message}`;
  return `role ${roleArn}${state === "ready" ? "" : ": credentials pending"}`;
}

/** Sorts 127.0.0.10 after 127.0.0.9, and pods without an address last. */
function addressKey(address: string): string {
  if (address === "-") return "999";
  return address.split(",")[0]!.split(".").map((part) => part.padStart(3, "0")).join(".");
}
