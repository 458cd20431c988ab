/** The program's version, as package.json has it. */
import about from "../package.json" with { type: "json" };

export const version: string = about.version;

/** How requests to Kubernetes name the program. */
export const userAgent = `rolecall/${version}`;

/** The program's version with the runtime's, as a line. */
export function versionLine(
  platform: { readonly name: string; readonly version: string },
): string {
  return `rolecall ${version} (${platform.name} ${platform.version})\n`;
}
