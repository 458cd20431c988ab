/** Plots cost against cluster size: memory, and the time until all agents are synced. */
import type { ScaleResult } from "./scale.ts";

const width = 640;
const height = 320;
const edge = 56;

interface Line {
  readonly label: string;
  readonly colour: string;
  readonly of: (result: ScaleResult) => number;
}

const lines: readonly Line[] = [
  { label: "working set with all agents, MiB", colour: "#1f6feb", of: ({ rss }) => rss },
  { label: "peak, MiB", colour: "#8250df", of: ({ peak }) => peak },
  { label: "all synced, ms", colour: "#bf3989", of: (result) => result.syncedSeconds * 1000 },
  {
    label: "all reconnected, ms",
    colour: "#9a6700",
    of: (result) => result.reconnectSeconds * 1000,
  },
];

/** Each line has its own scale, from 0 to its highest value, which the label shows. */
export function scalePlot(results: readonly ScaleResult[]): string {
  const most = Math.max(...results.map(({ nodes }) => nodes));
  const x = (nodes: number) => edge + nodes / most * (width - 2 * edge);
  const drawn = lines.map((line, at) => draw(line, at, results, x));
  const ticks = results.map(({ nodes }) =>
    `<text x="${x(nodes)}" y="${height - edge + 18}" text-anchor="middle">${nodes}</text>`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<path d="M${edge} ${edge / 2}V${height - edge}H${
      width - edge
    }" fill="none" stroke="#57606a"/>`,
    ...ticks,
    `<text x="${width / 2}" y="${height - 12}" text-anchor="middle">nodes, 30 pods each</text>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function draw(
  { label, colour, of }: Line,
  at: number,
  results: readonly ScaleResult[],
  x: (nodes: number) => number,
): string {
  const highest = Math.max(...results.map(of));
  const y = (value: number) => height - edge - value / highest * (height - 2 * edge);
  const points = results.map((result) =>
    `${x(result.nodes).toFixed(1)},${y(of(result)).toFixed(1)}`
  );
  return `<polyline points="${
    points.join(" ")
  }" fill="none" stroke="${colour}" stroke-width="2"/>` +
    `<text x="${edge + 12}" y="${edge / 2 + 14 + at * 16}" fill="${colour}">${label}: up to ${
      Math.round(highest)
    }</text>`;
}
