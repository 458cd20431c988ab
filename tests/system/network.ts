/**
 * The network of the test: a fabric, which the test itself runs in, nodes on it, and pods behind
 * their nodes, each a network namespace joined by veth pairs. Nothing is translated but by the
 * agent's own rules, so the receiver sees the real sender.
 */
import { must } from "./programs.ts";

/** The fabric's address: API server, STS and the servers under test. */
export const fabricAddress = "10.231.0.1";
/** For a second replica of the server. */
export const secondFabricAddress = "10.231.0.2";
export const metadataAddress = "169.254.169.254";
const bridge = "fabric0";

export interface NodeNet {
  readonly name: string;
  /** Its address on the fabric. */
  readonly address: string;
  /** The first three parts of its pods' addresses. */
  readonly pods: string;
}

/** The command's words, run in a network namespace. */
export function inNamespace(name: string, command: readonly string[]): string[] {
  return ["nsenter", `--net=/run/netns/${name}`, ...command];
}

/** Makes this process's own namespace the fabric; it must have been given a fresh one. */
export async function makeFabric(): Promise<void> {
  await ip("link set lo up");
  await ip(`link add ${bridge} type bridge`);
  await ip(`addr add ${fabricAddress}/24 dev ${bridge}`);
  await ip(`addr add ${secondFabricAddress}/24 dev ${bridge}`);
  await ip(`addr add ${metadataAddress}/32 dev ${bridge}`);
  await ip(`link set ${bridge} up`);
}

/** A node: its uplink is `eth0`, its pods' bridge `cni0`, and it forwards. */
export async function makeNode(index: number): Promise<NodeNet> {
  const node = {
    name: `node-${index}`,
    address: `10.231.0.${10 + index}`,
    pods: `10.244.${index}`,
  };
  const at = node.name;
  await ip(`netns add ${at}`);
  await ip(`link add ${at} type veth peer name eth0 netns ${at}`);
  await ip(`link set ${at} master ${bridge} up`);
  await ip("link set lo up", at);
  await ip(`addr add ${node.address}/24 dev eth0`, at);
  await ip("link set eth0 up", at);
  await ip(`route add default via ${fabricAddress}`, at);
  await ip("link add cni0 type bridge", at);
  await ip(`addr add ${node.pods}.1/24 dev cni0`, at);
  await ip("link set cni0 up", at);
  await must(inNamespace(at, ["sysctl", "-qw", "net.ipv4.ip_forward=1"]));
  await ip(`route add ${node.pods}.0/24 via ${node.address}`);
  return node;
}

/** A pod's namespace on a node; yields the pod's address. */
export async function makePodNet(name: string, node: NodeNet, number: number): Promise<string> {
  const address = `${node.pods}.${number}`;
  await ip(`netns add ${name}`);
  await ip(`link add v${node.name}-${number} netns ${node.name} type veth peer eth0 netns ${name}`);
  await ip(`link set v${node.name}-${number} master cni0 up`, node.name);
  await ip("link set lo up", name);
  await ip(`addr add ${address}/24 dev eth0`, name);
  await ip("link set eth0 up", name);
  await ip(`route add default via ${node.pods}.1`, name);
  return address;
}

/** Removes a pod's namespace and with it its end of the cable. */
export async function removePodNet(name: string): Promise<void> {
  await ip(`netns del ${name}`);
}

async function ip(words: string, namespace?: string): Promise<void> {
  const command = ["ip", ...words.split(" ")];
  await must(namespace === undefined ? command : inNamespace(namespace, command));
}
