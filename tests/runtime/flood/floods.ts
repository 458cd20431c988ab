/** What a flood's connections send: nothing, a head or a body that never ends. */
import type { Flood } from "./attacker.ts";

/** Several times what one pod may have open. */
export const floodConnections = 2000;

const head = "Host: 169.254.169.254\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n";

export const floods = {
  "stay silent": { first: "", drips: false },
  "drip their headers": { first: "GET /", drips: true },
  "drip their body": {
    first: `PUT /latest/api/token HTTP/1.1\r\n${head}Content-Length: 1000\r\n\r\n`,
    drips: true,
  },
} as const satisfies Record<string, Pick<Flood, "first" | "drips">>;

/** How long answers took, in words. */
export function received(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)]?.toFixed(1);
  return `${sorted.length} answers; half within ${at(0.5)} ms, 99 % within ${at(0.99)} ms, ` +
    `all within ${at(1)} ms`;
}
