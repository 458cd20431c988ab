/** How the most lenient service might read a path, and what no reading may reach. */

/** Node credentials, tokens, and user data, which is closed by default. */
const closedPaths = /^\/[^/]+\/(meta-data\/(iam|identity-credentials)|api\/token|user-data)(\/|$)/;

/** Every path that some lenient server might take this one for, in lower case. */
function lenientReadings(path: string): string[] {
  const found = [path];
  for (let text = path, i = 0; i < 5; i++) {
    text = text.replace(
      /%u00([0-9a-f]{2})|%([0-9a-f]{2})/gi,
      (_all, a, b) => String.fromCharCode(parseInt(a ?? b, 16)),
    );
    found.push(text, text.replaceAll("\\", "/"), text.replace(/;[^/]*/g, ""));
    found.push(text.replace(/[?#].*$/s, ""), text.replace(/\0.*$/s, ""));
    found.push(text.replace(/[\s\p{Cc}]/gu, ""), text.normalize("NFKC"));
    found.push(text.replace(/^\w+:\/\/[^/]*/, ""));
  }
  return found.map((text) => collapse(text.toLowerCase()));
}

/** The reading that is closed, if there is one. */
export function closedReading(path: string): string | undefined {
  return lenientReadings(path).find((reading) => closedPaths.test(reading));
}

function collapse(text: string): string {
  const kept: string[] = [];
  for (const segment of text.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}
