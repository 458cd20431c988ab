import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { TupleCollector } from "./conntrack.ts";
import {
  addressKey,
  endKey,
  localAddresses,
  RowCollector,
  type TableName,
} from "./socket_table.ts";

const fixture = (name: string) =>
  readFileSync(new URL(`../../tests/fixtures/proc/${name}`, import.meta.url), "latin1");
const metadata = [{ address: "169.254.169.254", port: 80 }, { address: "fd00:ec2::254", port: 80 }];
const pod = (port: number, address = "10.244.0.5") => endKey({ address, port });
const pieces = [1, 7, 64, 1 << 20];

// table, local ends of the rows that count
const tables = [
  ["tcp", [pod(40000), pod(40003)]],
  ["tcp6", [pod(40001), pod(40002, "fd00:10:244::5")]],
] as const satisfies readonly (readonly [TableName, readonly string[]])[];

for (const [table, expected] of tables) {
  test(`RowCollector: ${table} of a real namespace, in pieces of any size`, () => {
    for (const size of pieces) {
      const collector = new RowCollector(table, metadata);
      const text = fixture(table);
      for (let at = 0; at < text.length; at += size) collector.push(text.slice(at, at + size));
      assert.deepEqual(collector.rows.map(({ local }) => local), expected);
      assert.ok(collector.rows.every(({ inode }) => /^86651\d\d$/.test(inode)));
    }
  });
}

const row = (fields: string) =>
  `   0: ${fields} 00000000:00000000 00:00000000 00000000     0        0 7 1 0 20 0 0 10 -1\n`;

// name, fields of the row, whether it counts
const rows = [
  ["established", "0700000A:9C40 FEA9FEA9:0050 01", true],
  ["FIN_WAIT1", "0700000A:9C40 FEA9FEA9:0050 04", true],
  ["FIN_WAIT2", "0700000A:9C40 FEA9FEA9:0050 05", true],
  ["SYN_SENT", "0700000A:9C40 FEA9FEA9:0050 02", false],
  ["TIME_WAIT", "0700000A:9C40 FEA9FEA9:0050 06", false],
  ["closed by the agent", "0700000A:9C40 FEA9FEA9:0050 08", false],
  ["another port", "0700000A:9C40 FEA9FEA9:0051 01", false],
  ["another address", "0700000A:9C40 FEA9FEA8:0050 01", false],
  ["the ends exchanged", "FEA9FEA9:0050 0700000A:9C40 01", false],
] as const;

for (const [name, fields, counts] of rows) {
  test(`RowCollector: a row that is ${name} ${counts ? "counts" : "doesn't count"}`, () => {
    const collector = new RowCollector("tcp", metadata);
    collector.push(row(fields));
    assert.deepEqual(
      collector.rows,
      counts ? [{ local: "0a000007:40000", remote: "a9fea9fe:80", inode: "7" }] : [],
    );
  });
}

test("RowCollector: a socket without a process doesn't count, nor does half a row", () => {
  const collector = new RowCollector("tcp", metadata);
  collector.push(row("0700000A:9C40 FEA9FEA9:0050 01").replace(" 7 1 ", " 0 1 "));
  collector.push(row("0700000A:9C40 FEA9FEA9:0050 01").slice(0, -1));
  assert.deepEqual(collector.rows, []);
});

test("TupleCollector: established connections that the pod translates", () => {
  for (const size of pieces) {
    const collector = new TupleCollector();
    const text = fixture("nf_conntrack");
    for (let at = 0; at < text.length; at += size) collector.push(text.slice(at, at + size));
    assert.deepEqual(collector.rows.map(({ local, remote }) => `${local} ${remote}`), [
      `${pod(61010)} a9fea9fe:80`,
      `${pod(61011)} a9fea9fe:80`,
      `${pod(61014, "fd00:10:244::5")} ${endKey(metadata[1]!)}`,
    ]);
  }
});

test("localAddresses(): of a real namespace, without loopback", () => {
  const found = localAddresses(fixture("fib_trie"), fixture("if_inet6"));
  const addresses = [
    "10.244.0.5",
    "169.254.169.254",
    "172.17.0.1",
    "fd00:ec2::254",
    "fd00:10:244::5",
  ];
  assert.deepEqual(found, new Set(addresses.map(addressKey)));
  assert.equal(localAddresses("", "").size, 0);
});
