import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { beforeRole } from "../imds/routes.ts";
import { canonicalPath } from "./canonical_path.ts";

const roles = "/latest/meta-data/iam/security-credentials";
const canonical = (target: string) => canonicalPath(target, beforeRole);

// target, canonical path
const accepted = [
  ["/", "/"],
  ["//", "/"],
  ["/latest", "/latest"],
  ["/latest/", "/latest/"],
  ["/latest//", "/latest/"],
  ["/latest/meta-data/instance-id?x=/../y", "/latest/meta-data/instance-id"],
  ["/latest?", "/latest"],
  ["//latest///meta-data//", "/latest/meta-data/"],
  ["/latest/./meta-data/.", "/latest/meta-data/"],
  ["/latest/x/../meta-data", "/latest/meta-data"],
  ["/latest/x/..", "/latest/"],
  ["/latest/x//../meta-data", "/latest/meta-data"],
  ["/latest/%6deta-data", "/latest/meta-data"],
  ["/latest/%2e/meta-data", "/latest/meta-data"],
  ["/latest/x/%2E%2e/meta-data", "/latest/meta-data"],
  ["/latest/x/.%2e/meta-data", "/latest/meta-data"],
  ["/latest/...", "/latest/..."],
  ["/latest/.x/..y", "/latest/.x/..y"],
  [
    "/latest/network/interfaces/macs/02:29:96:8f:6a:2d/",
    "/latest/network/interfaces/macs/02:29:96:8f:6a:2d/",
  ],
  [`${roles}//reader`, `${roles}/reader`],
  [`${roles}/%72eader`, `${roles}/reader`],
  [`${roles}/arn:aws:iam::1:role/a/b`, `${roles}/arn:aws:iam::1:role/a/b`],
  [`${roles}/arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%2fb`, `${roles}/arn:aws:iam::1:role/a/b`],
  ["/1.0/meta-data//iam/security-credentials/a%2Fb", "/1.0/meta-data/iam/security-credentials/a/b"],
] as const;

for (const [target, path] of accepted) {
  test(`canonicalPath: ${target} is ${path}`, () => assert.equal(canonical(target), path));
}

// why, target
const refused = [
  ["empty", ""],
  ["no slash", "latest"],
  ["absolute-form", "http://169.254.169.254/latest"],
  ["another authority", "http://evil/latest"],
  ["asterisk", "*"],
  ["authority-form", "a:80"],
  ["query alone", "?/latest"],
  ["encoded slash", "/latest%2fmeta-data"],
  ["encoded slash in the way to a role", "/latest%2fmeta-data/iam/security-credentials/r"],
  ["encoded slash and dots in a role", `${roles}/a%2f..%2f..%2fx`],
  ["encoded slash behind dots", `/x/..${roles}/a%2fb`],
  ["encoded slash elsewhere in IAM", "/latest/meta-data/iam/info%2fx"],
  ["encoded slash in another case", "/latest/META-DATA/iam/security-credentials/a%2fb"],
  ["NUL", "/latest%00"],
  ["control", "/latest%0a"],
  ["raw control", "/latest\t"],
  ["space", "/latest%20"],
  ["double encoding", "/latest/%252e%252e/x"],
  ["encoded percent", "/latest/%25"],
  ["bad encoding", "/latest/%zz"],
  ["cut encoding", "/latest/%2"],
  ["backslash", "/latest\\meta-data"],
  ["encoded backslash", "/latest%5cmeta-data"],
  ["overlong slash", "/latest/%c0%afmeta-data"],
  ["overlong dot", "/latest/%c0%ae%c0%ae/x"],
  ["fullwidth slash", "/latest%ef%bc%8fmeta-data"],
  ["raw UTF-8", "/latest/é"],
  ["path parameter", "/latest/meta-data/iam;x/security-credentials"],
  ["encoded path parameter", "/latest/meta-data/iam%3bx"],
  ["fragment", "/latest#x"],
  ["encoded question mark", "/latest%3fx"],
  ["UTF-16 escape", "/latest/%u002e"],
  ["above the root", "/../latest"],
  ["above the root, encoded", "/x/%2e%2e/..%2f"],
  ["too long", `/${"a".repeat(2048)}`],
] as const;

for (const [why, target] of refused) {
  test(`canonicalPath: refused: ${why}`, () => assert.equal(canonical(target), undefined));
}

const piece = fc.constantFrom(
  ..."/ // . .. %2e %2E %2f %5c \\ ; # ? %00 %25 %252e latest meta-data iam IAM %69am security-credentials reader a"
    .split(" "),
);
const target = fc.array(piece, { maxLength: 14 }).map((pieces) => `/${pieces.join("")}`);

test("canonicalPath: its result is its own canonical form, and no URL parser changes it", () => {
  fc.assert(
    fc.property(fc.oneof(target, fc.webPath(), fc.string()), (text) => {
      const path = canonical(text);
      if (path === undefined) return;
      assert.equal(canonical(path), path);
      assert.equal(new URL(`http://169.254.169.254${path}`).pathname, path);
      assert.doesNotMatch(path, /\/\/|%|\/\.{1,2}(\/|$)/);
    }),
    { numRuns: 2000 },
  );
});

test("canonicalPath: encoded slashes are refused everywhere unless a prefix allows them", () => {
  assert.equal(canonicalPath(`${roles}/a%2Fb`), undefined);
});
