/** What clients request, how, and how many at once. */

export interface Case {
  /** Names it in results and tables; stays the same from run to run. */
  readonly name: string;
  readonly flags: readonly string[];
  /** Beside two busy loops on the candidate's processor. */
  readonly busy?: boolean;
}

const roles = "/latest/meta-data/iam/security-credentials/";
const credentials = `-path=${roles}{role}`;
const kept = (connections: number) => [credentials, `-connections=${connections}`];
const closed = (connections: number) => [...kept(connections), "-new"];
const closing = (connections: number) => [...closed(connections), "-header=Connection: close"];
const bytes = (size: number) => `-path=/latest/meta-data/bytes/${size}`;
const slowly = ["-rate=100"];

export const cases: readonly Case[] = [
  { name: "credentials, kept connection, 1 at once", flags: kept(1) },
  { name: "credentials, kept connections, 16 at once", flags: kept(16) },
  { name: "credentials, new connection each, the client closes, 1 at once", flags: closed(1) },
  { name: "credentials, new connection each, the client closes, 16 at once", flags: closed(16) },
  { name: "credentials, new connection each, the server closes, 1 at once", flags: closing(1) },
  { name: "credentials, new connection each, the server closes, 16 at once", flags: closing(16) },
  {
    name: "token, 16 at once",
    flags: [
      "-path=/latest/api/token",
      "-method=PUT",
      "-header=X-aws-ec2-metadata-token-ttl-seconds: 21600",
      "-connections=16",
    ],
  },
  {
    name: "passed on: instance id, 16 at once",
    flags: ["-path=/latest/meta-data/instance-id", "-connections=16"],
  },
  { name: "passed on: 20 bytes, 16 at once", flags: [bytes(20), "-connections=16"] },
  { name: "passed on: 10 MB, 1 at once", flags: [bytes(10_000_000)] },
  { name: "passed on: 10 MB, 16 at once", flags: [bytes(10_000_000), "-connections=16"] },
  { name: "busy node, kept connections, 100 a second", flags: [...kept(4), ...slowly], busy: true },
  {
    name: "busy node, new connections, 100 a second",
    flags: [...closing(4), ...slowly],
    busy: true,
  },
];
