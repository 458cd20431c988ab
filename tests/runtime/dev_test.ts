/** `dev` as a whole: server, agent, STS and metadata service joined, over real sockets. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DevProcess, send } from "./dev_process.ts";

const sample = fileURLToPath(new URL("../../dev/cluster.yaml", import.meta.url));
const list = "/latest/meta-data/iam/security-credentials/";
const ttl = { "X-aws-ec2-metadata-token-ttl-seconds": "60" };

let folder: string;
let manifest: string;
let dev: DevProcess;
let agent: URL;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rolecall-dev-"));
  manifest = join(folder, "cluster.yaml");
  await copyFile(sample, manifest);
  dev = new DevProcess(["--manifests", manifest]);
  agent = await dev.url("agent");
  await dev.saw(/127\.0\.0\.10 +strict\/careful +role arn:\S+\n/);
});

after(async () => {
  assert.equal(await dev.stop(), 0);
  await rm(folder, { recursive: true });
});

test("dev prints commands to paste, then what each pod gets", () => {
  assert.match(dev.output, /\n {2}curl -s -w '\\n' http:\/\/127\.0\.0\.1:\d+\/latest\/meta-data/);
  assert.match(
    dev.output,
    /127\.0\.0\.1 +shop\/cart +role arn:aws:iam::123456789012:role\/shop\/cart\n/,
  );
  assert.match(dev.output, /127\.0\.0\.2 +shop\/curious +denied, NotPermitted: /);
  assert.match(dev.output, /127\.0\.0\.9 +shop\/stranger +denied, CredentialsFailed: /);
});

// address, what its pod gets at the role list
const lists = [
  ["127.0.0.1", 200, /^cart$/],
  ["127.0.0.2", 403, /^namespace "?shop"?: .*administrator/],
  ["127.0.0.3", 200, /^reports$/],
  ["127.0.0.4", 200, /^basic$/],
  ["127.0.0.5", 404, /^.+$/],
  ["127.0.0.6", 403, /iam\.amazonaws\.com\/permitted is missing/],
  ["127.0.0.7", 403, /iam\.amazonaws\.com\/permitted/],
  ["127.0.0.8", 403, /user\/cart/],
  ["127.0.0.9", 403, /untrusting/],
  ["127.0.0.10", 401, /token/i],
] as const;

for (const [address, status, text] of lists) {
  test(`dev answers the pod at ${address} with ${status}`, async () => {
    const answer = await send(agent, list, address);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text.replace(/\n$/, ""), text);
    assert.equal(answer.headers.server, "EC2ws");
  });
}

test("dev gives credentials that are plainly fake, for the pod's own role only", async () => {
  const answer = await send(agent, `${list}cart`);
  assert.equal(answer.status, 200);
  const document = JSON.parse(answer.text);
  assert.equal(document.Code, "Success");
  assert.match(document.AccessKeyId, /^ASIAROLECALLDEV/);
  assert.equal((await send(agent, `${list}reports`)).status, 403);
});

test("dev gives tokens, and the pod that must show one gets its role with it", async () => {
  const put = { method: "PUT", headers: ttl };
  const token = await send(agent, "/latest/api/token", "127.0.0.10", put);
  assert.equal(token.status, 200);
  const own = { headers: { "X-aws-ec2-metadata-token": token.text } };
  assert.equal((await send(agent, list, "127.0.0.10", own)).text, "careful");
  assert.equal((await send(agent, list, "127.0.0.3", own)).status, 401, "another pod's token");
});

test("dev passes on to the embedded metadata service what isn't about credentials", async () => {
  const zone = await send(agent, "/latest/meta-data/placement/availability-zone");
  assert.deepEqual([zone.status, zone.text], [200, "eu-west-1a"]);
  for (
    const path of ["iam/security-credentials/THE-NODES-OWN-ROLE", "identity-credentials/ec2/info"]
  ) {
    const answer = await send(agent, `/latest/meta-data/${path}`);
    assert.ok(!answer.text.includes("THE-NODES-OWN-KEYS"), path);
    assert.ok(answer.status === 403 || answer.status === 404, `${path}: ${answer.status}`);
  }
});

test("dev has one admin port for both, and a separate one for the status", async () => {
  const metrics = await dev.url("metrics");
  assert.equal((await send(metrics, "/livez")).status, 200);
  assert.equal((await send(metrics, "/readyz")).text, "ok\n");
  const { text } = await send(metrics, "/metrics");
  assert.match(text, /^rolecall_agent_/m);
  assert.match(text, /^rolecall_server_/m);
  const ofProcess = [
    "cpu_seconds_total",
    "resident_memory_bytes",
    "open_fds",
    "start_time_seconds",
  ];
  for (const name of ofProcess) {
    assert.match(text, new RegExp(`^process_${name} [1-9\\d.e]+$`, "m"));
  }
  const status = JSON.parse((await send(await dev.url("status"), "/api/summary")).text);
  assert.equal(status.counts.nodes, 1);
});

test("dev follows edits of the manifest, and keeps the last good state after a mistake", async () => {
  const text = await readFile(manifest, "utf8");
  const from = dev.output.length;
  await writeFile(manifest, text + "\n---\nkind: [Pod\n");
  await dev.saw(/cluster\.yaml: document \d+, line \d+: .+\n/, from);
  assert.equal((await send(agent, list)).text, "cart");
  await writeFile(`${manifest}.new`, text.replace("role: shop/cart\n", "role: reports\n"));
  await rename(`${manifest}.new`, manifest);
  await dev.saw(/127\.0\.0\.1 +shop\/cart +role arn:aws:iam::123456789012:role\/reports\n/, from);
  assert.equal((await send(agent, list)).text, "reports");
});

test("dev lists the pods that can't be used, as the agent sees them", async () => {
  const from = dev.output.length;
  const pod = (name: string, status: string) =>
    `---\nkind: Pod\nmetadata: {name: ${name}, namespace: shop}\nstatus: ${status}\n`;
  const more = [
    pod("twin", "{podIP: 127.0.0.21}"),
    pod("other-twin", "{podIP: 127.0.0.21}"),
    pod("dual", "{podIP: 127.0.0.22, podIPs: [{ip: 127.0.0.22}, {ip: 'fd00::7'}]}"),
    pod("waiting", "{phase: Pending}"),
  ];
  await writeFile(manifest, await readFile(manifest, "utf8") + more.join(""));
  for (const name of ["twin", "other-twin"]) {
    const line =
      `127\\.0\\.0\\.21 +shop/${name} +not answered: another pod claims 127\\.0\\.0\\.21 too\n`;
    await dev.saw(new RegExp(line), from);
  }
  await dev.saw(/- +shop\/waiting +role /, from);
  await dev.saw(/status\.podIPs\[1\]\.ip is "fd00::7": left out/, from);
  assert.match((await send(agent, list, "127.0.0.21")).text, /^two pods claim this address/);
  assert.equal((await send(agent, list, "127.0.0.22")).text, "basic");
});

test("dev reads dev/cluster.yaml of its folder, else the program's own, and names it", async () => {
  const elsewhere = new DevProcess([], {}, folder);
  await elsewhere.saw(/127\.0\.0\.10 +strict\/careful +role /);
  await elsewhere.saw(/\nEdit .* and send a request again\.\n/);
  assert.ok(
    elsewhere.output.includes(`\nEdit ${sample} and send a request again.\n`),
    elsewhere.output,
  );
  assert.equal(await elsewhere.stop(), 0);

  await mkdir(join(folder, "dev"));
  const alone = "kind: Pod\nmetadata: {name: alone}\nstatus: {podIP: 127.0.0.1}\n";
  await writeFile(join(folder, "dev", "cluster.yaml"), alone);
  const beside = new DevProcess([], {}, folder);
  await beside.saw(
    /127\.0\.0\.1 +default\/alone +no role\n\nEdit dev\/cluster\.yaml and send a request again\.\n/,
  );
  assert.equal(await beside.stop(), 0);
  assert.ok(!beside.output.includes("curl --interface"), "there is no other pod");
});

test("dev names flag and remedy if a port is taken, and exits 1", async () => {
  const second = new DevProcess(["--manifests", manifest, "--listen", agent.host]);
  assert.equal(await second.exitCode, 1);
  assert.match(
    second.output,
    /--listen 127\.0\.0\.1:\d+: the port is taken; .*give --listen another port/,
  );
});

test("dev lists every problem of settings and manifests, and exits 2", async () => {
  await writeFile(join(folder, "bad.yaml"), "kind: Pod\nmetadata: {}\n---\nx: [\n");
  const second = new DevProcess(["--manifests", join(folder, "bad.yaml")]);
  assert.equal(await second.exitCode, 2);
  assert.match(second.output, /bad\.yaml: document 1, line \d+: metadata\.name is missing/);
  assert.match(second.output, /bad\.yaml: document 2, line \d+: /);
});
