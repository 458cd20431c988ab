/**
 * The one form of a request's path by which it is routed, allowed and passed through. It is made from
 * the raw target before anything else reads it, so that no spelling can mean one thing here and
 * another to the metadata service.
 */

const maxLength = 2048;
const percent = 0x25;
const slash = 0x2f;

/**
 * What metadata paths, role names and ARNs are made of. Missing on purpose: `%` (a second
 * encoding), `\`, `;` (path parameters, which some servers cut off), `#`, controls, non-ASCII.
 */
const plain = /^[A-Za-z0-9._~+=,:@-]$/;
const isPlain = Array.from({ length: 128 }, (_, code) => plain.test(String.fromCharCode(code)));

const alreadyCanonical = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~+=,:@-]+)+\/?$/;

/**
 * The canonical path of a request target: percent-decoded once, slashes single, `.` and `..`
 * resolved, at most one slash at the end, no query. Undefined if there is no such form: encoded
 * slashes (unless what precedes them matches `encodedSlashes`), NUL, controls, double encoding,
 * overlong or other non-ASCII bytes, backslashes, path parameters, fragments, absolute-form, `*`,
 * and climbing above the root.
 */
export function canonicalPath(target: string, encodedSlashes?: RegExp): string | undefined {
  const end = target.indexOf("?");
  const raw = end < 0 ? target : target.slice(0, end);
  if (raw.length > maxLength || raw.charCodeAt(0) !== slash) return undefined;
  if (alreadyCanonical.test(raw)) return raw;
  const decoded = decodeOnce(raw);
  if (decoded === undefined) return undefined;
  const path = withoutDots(decoded.path);
  if (path === undefined || !decoded.slashes) return path;
  const isAllowed = encodedSlashes?.test(singleSlashes(beforeEncodedSlash(raw))) === true;
  return isAllowed && path === decoded.path ? path : undefined;
}

/** `slashes`: some were encoded. The path has single slashes only. */
function decodeOnce(raw: string): { path: string; slashes: boolean } | undefined {
  let path = "";
  let slashes = false;
  for (let i = 0; i < raw.length; i++) {
    let code = raw.charCodeAt(i);
    if (code === percent) {
      code = hexByte(raw, i + 1);
      slashes ||= code === slash;
      i += 2;
    }
    if (code !== slash && isPlain[code] !== true) return undefined;
    if (code !== slash || !path.endsWith("/")) path += String.fromCharCode(code);
  }
  return { path, slashes };
}

/** -1 if there are no two hexadecimal digits. */
function hexByte(text: string, at: number): number {
  const digits = text.slice(at, at + 2);
  return /^[0-9A-Fa-f]{2}$/.test(digits) ? parseInt(digits, 16) : -1;
}

function withoutDots(path: string): string | undefined {
  const segments = path.split("/").slice(1);
  const last = segments.at(-1);
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") kept.push(segment);
    else if (kept.pop() === undefined) return undefined;
  }
  const isFolder = last === "" || last === "." || last === "..";
  return kept.length === 0 ? "/" : `/${kept.join("/")}${isFolder ? "/" : ""}`;
}

function beforeEncodedSlash(raw: string): string {
  return raw.slice(0, raw.search(/%2f/i));
}

function singleSlashes(text: string): string {
  return text.replace(/\/{2,}/g, "/");
}
