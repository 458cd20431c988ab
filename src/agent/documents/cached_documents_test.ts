import { test } from "node:test";
import assert from "node:assert/strict";
import { fakeIncoming } from "../../../tests/fakes/incoming.ts";
import type { Reply } from "../../net/http_messages.ts";
import { CachedDocuments } from "./cached_documents.ts";

const id = "/latest/meta-data/instance-id";
const body = new TextEncoder().encode("i-0123456789abcdef0");
const answer: Reply = { status: 200, headers: [["ETag", '"1"'], ["Date", "then"]], body };
const get = fakeIncoming({ target: id });

function after(incoming: Parameters<CachedDocuments["add"]>[0], path: string, given: Reply) {
  const documents = new CachedDocuments();
  documents.add(incoming, path, given);
  return documents.find(get, path);
}

test("cached documents: kept without the Date of the first answer", () => {
  assert.deepEqual(after(get, id, answer), { status: 200, headers: [["ETag", '"1"']], body });
});

// name, path, answer
const passing = [
  ["what changes", "/latest/meta-data/spot/instance-action", answer],
  ["another spelling", `${id}/`, answer],
  ["a folder", "/latest/meta-data/placement", answer],
  ["not found", id, { ...answer, status: 404 }],
  ["packed for one client", id, { ...answer, headers: [["Content-Encoding", "gzip"]] }],
  ["large", id, { ...answer, body: new Uint8Array(20_000) }],
] as const;

for (const [name, path, given] of passing) {
  test(`cached documents: ${name} isn't kept`, () => {
    assert.equal(after(get, path, given), undefined);
  });
}

test("cached documents: a conditional request goes to the service, and its answer isn't kept", () => {
  const requested = fakeIncoming({ target: id, headers: [["If-None-Match", '"1"']] });
  const ranged = fakeIncoming({ target: id, headers: [["Range", "bytes=0-1"]] });
  assert.equal(after(requested, id, answer), undefined);
  const documents = new CachedDocuments();
  documents.add(get, id, answer);
  assert.equal(documents.find(ranged, id), undefined);
});
