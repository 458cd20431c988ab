/** Looks up headers in node:http's raw form: names and values alternate. */

/** A header's values joined by `, `; `name` in lower case. */
export function headerOf(raw: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    if (!isNamed(raw[i], name)) continue;
    const value = raw[i + 1] ?? "";
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

/** Every value of a header; `name` in lower case. */
export function headerValuesOf(raw: readonly string[], name: string): readonly string[] {
  const values: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (isNamed(raw[i], name)) values.push(raw[i + 1] ?? "");
  }
  return values;
}

/** @throws {TypeError} for names and values that the web's Headers don't take. */
export function webHeaders(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let i = 0; i < raw.length; i += 2) headers.append(raw[i] ?? "", raw[i + 1] ?? "");
  return headers;
}

export function isNamed(raw: string | undefined, name: string): boolean {
  return raw !== undefined && raw.length === name.length && raw.toLowerCase() === name;
}
