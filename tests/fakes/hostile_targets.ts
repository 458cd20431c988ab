/** A grammar of request targets that try to mean one thing to us and another to the service. */
import fc from "fast-check";

const separators = [
  "/",
  "//",
  "/./",
  "/x/../",
  "/%2e/",
  "/x/%2e%2e/",
  "/x/.%2E/",
  "%2f",
  "%2F",
  "%252f",
  "\\",
  "%5c",
  "/;/",
  "/;a=b/",
  "%c0%af",
  "%ef%bc%8f",
  "／",
  "/%00/",
  "/%20",
  "%09/",
  "/%0d%0a/",
  "?",
  "#",
  "/..;/",
  "/x/%ef%bc%8e%ef%bc%8e/",
  "/x/．．/",
  "/x/%c0%ae%c0%ae/",
  "/x/..\\",
  "/x/.%00./",
  "\u2215",
  "\u2044",
  "%e2%81%84",
  "%u2215",
  "%2",
];
const words = [
  "latest",
  "meta-data",
  "iam",
  "security-credentials",
  "identity-credentials",
  "ec2",
  "api",
  "token",
  "user-data",
  "info",
  "reader",
  "dynamic",
  "1.0",
  "2021-01-03",
  "x",
  "",
  "instance-id",
];

/** A word unchanged or disguised: another case, letters encoded once or twice, or a suffix. */
const disguise: ((word: string) => string)[] = [
  (word) => word,
  (word) => word,
  (word) => word.toUpperCase(),
  (word) => word.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (word) => word.replace(/[a-z]/, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  (word) => word.replace(/[a-z]/, (letter) => letter.toUpperCase()),
  (word) => word.replace(/i/, "\u0131"),
  (word) => `${word};x`,
  (word) => `${word}%00`,
  (word) => `${word}.`,
];

const word = fc.tuple(fc.constantFrom(...words), fc.constantFrom(...disguise))
  .map(([text, change]) => change(text));
const separator = fc.oneof(
  { weight: 3, arbitrary: fc.constant("/") },
  { weight: 1, arbitrary: fc.constantFrom(...separators) },
);
const known = fc.constantFrom(
  ["latest", "meta-data", "iam", "security-credentials", "reader"],
  ["latest", "meta-data", "identity-credentials", "ec2", "security-credentials", "ec2-instance"],
  ["latest", "api", "token"],
  ["latest", "user-data"],
  ["latest", "meta-data", "iam"],
);
const disguised = (part: string) =>
  fc.tuple(separator, fc.constantFrom(...disguise)).map(([before, change]) =>
    before + change(part)
  );
const disguisedKnown = known.chain((parts) =>
  fc.tuple(...parts.map(disguised)).map((all) => all.join(""))
);
const random = fc.array(fc.tuple(separator, word), { maxLength: 8 })
  .map((parts) => parts.flat().join(""));
const prefix = fc.constantFrom("", "", "", "/", "http://169.254.169.254", "http://evil/", "/x/..");

export const hostileTarget = fc.tuple(
  prefix,
  fc.oneof(disguisedKnown, random),
  fc.constantFrom("", "/", "?a=/b"),
).map((parts) => parts.join(""));
