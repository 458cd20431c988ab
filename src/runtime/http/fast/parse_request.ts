/**
 * Parses the form of request that nearly every client sends: complete in one piece, without a body,
 * with nothing that two parsers could read differently. Everything else is left to node:http.
 */

export interface ParsedRequest {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly keepAlive: boolean;
}

/** Longer ones are rare, and parsing them twice would cost too much. */
export const maxFastRequestBytes = 4096;

const form = new RegExp(
  "^(GET|HEAD|PUT) (/[A-Za-z0-9._~+=,:@%/?&-]*) HTTP/1\\.1\r\n" +
    "((?:[A-Za-z0-9_-]+: ?(?:[!-~](?:[ -~]*[!-~])?)?\r\n)+)\r\n$",
);

/** Headers about the framing or the connection; their rules are the full parser's. */
const intricate = new Set([
  "content-length",
  "expect",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
]);

/** Options of Connection that change nothing: an offer to upgrade may be ignored (RFC 9110, 7.8). */
const ignored = new Set(["http2-settings", "keep-alive", "upgrade"]);

/**
 * Parses `text`, one character per byte, if it is exactly one request, as node:http's parser would
 * read it; undefined for anything that it would refuse, or might read differently.
 */
export function parseFastRequest(text: string): ParsedRequest | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, method = "", target = "", lines = ""] = match;
  const rawHeaders = splitLines(lines);
  const ending = endingOf(method, rawHeaders);
  return ending === undefined
    ? undefined
    : { method, target, rawHeaders, keepAlive: ending === "keep-alive" };
}

const oneHead = /^(?:[^\r\n]+\r?\n)+(?:\r?\n)+$/;
const announcesBody = /^(?:content-length[ \t]*:(?![ \t]*0[ \t]*\r?$)|transfer-encoding[ \t]*:)/im;
const bareOrFolded = /(?<!\r)\n|\n[ \t]/;

/**
 * The same request with CR LF behind each line, and each folded line joined to the one before, as
 * RFC 9112 (2.2, 5.2) allows and scripts with `nc` need; node:http's parser refuses both. Undefined
 * unless `text` is one request to its end, without a body: only there do all parsers agree about it.
 */
export function withStrictLines(text: string): string | undefined {
  if (!bareOrFolded.test(text) || !oneHead.test(text) || announcesBody.test(text)) return undefined;
  const lines = text.replace(/[\r\n]+$/, "").replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function splitLines(lines: string): string[] {
  const raw: string[] = [];
  for (let at = 0; at < lines.length;) {
    const colon = lines.indexOf(":", at);
    const end = lines.indexOf("\r", colon);
    const start = lines.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1;
    raw.push(lines.slice(at, colon), lines.slice(start, end));
    at = end + 2;
  }
  return raw;
}

/** What happens to the connection; undefined if a header needs more than this parser supports. */
function endingOf(method: string, raw: readonly string[]): "keep-alive" | "close" | undefined {
  let hosts = 0;
  let lengths = 0;
  let connection: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (name === "host") hosts++;
    else if (name === "connection") {
      if (connection !== undefined) return undefined;
      connection = raw[i + 1]!.toLowerCase();
    } else if (name === "content-length" && raw[i + 1] === "0" && method === "PUT") lengths++;
    else if (intricate.has(name)) return undefined;
  }
  if (hosts !== 1 || lengths > 1) return undefined;
  if (connection === undefined || connection === "keep-alive") return "keep-alive";
  if (connection === "close") return "close";
  return connection.split(",").every((option) => ignored.has(option.trim()))
    ? "keep-alive"
    : undefined;
}
