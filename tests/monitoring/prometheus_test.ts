/** Evaluates the queries of dashboard and alerts on a real Prometheus that scrapes `dev`. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { DevProcess, send } from "../runtime/dev_process.ts";
import { Running } from "../system/programs.ts";
import { Hopeless, until } from "../system/until.ts";

const monitoring = new URL("../../deploy/monitoring/", import.meta.url);
const patience = { within: 90_000, every: 500 };
const list = "/latest/meta-data/iam/security-credentials/";

/** Streams that ended: none has. */
const mayBeEmpty = "rolecall_server_agent_stream_ends_total";

let folder: string;
let dev: DevProcess;
let prometheus: Running;
let origin: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rolecall-prometheus-"));
  dev = new DevProcess([]);
  const { host } = await dev.url("metrics");
  await dev.saw(/127\.0\.0\.10 +strict\/careful +role arn:\S+\n/);
  const { spec } = parse(await readFile(new URL("rules.yaml", monitoring), "utf8"));
  await writeFile(join(folder, "rules.yaml"), stringify(spec));
  await writeFile(
    join(folder, "prometheus.yaml"),
    stringify({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: ["rules.yaml"],
      scrape_configs: [{ job_name: "rolecall", static_configs: [{ targets: [host] }] }],
    }),
  );
  prometheus = new Running("prometheus", [
    "prometheus",
    `--config.file=${join(folder, "prometheus.yaml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    "--web.listen-address=127.0.0.1:0",
  ], join(folder, "log"));
  origin = await until("prometheus listens", () => {
    if (!prometheus.alive) throw new Hopeless(prometheus.log());
    const port = /Listening on.*address=127\.0\.0\.1:(\d+)/.exec(prometheus.log())?.[1];
    return port && `http://127.0.0.1:${port}`;
  }, patience);
});

after(async () => {
  await prometheus.stop();
  assert.equal(await dev.stop(), 0);
  await rm(folder, { recursive: true });
});

interface Series {
  readonly value: readonly [number, string];
}

async function query(expr: string): Promise<readonly Series[]> {
  const parameters = new URLSearchParams({ query: expr.replaceAll("$__rate_interval", "30s") });
  const answer = await fetch(`${origin}/api/v1/query?${parameters}`);
  const { status, error, data } = await answer.json();
  assert.equal(status, "success", `${expr}: ${error}`);
  return data.result;
}

test("every panel of the dashboard has data", async () => {
  const { panels } = JSON.parse(await readFile(new URL("dashboard.json", monitoring), "utf8"));
  const expressions: string[] = panels.flatMap((panel: { targets?: { expr: string }[] }) =>
    (panel.targets ?? []).map(({ expr }) => expr)
  );
  assert.ok(expressions.length > 30);
  await until("data in every panel", async () => {
    await send(await dev.url("agent"), list);
    await send(await dev.url("agent"), list, "127.0.0.2");
    const answers = await Promise.all(expressions.map(query));
    const lacking = expressions.filter((expr, at) =>
      answers[at]!.length === 0 && !expr.includes(mayBeEmpty)
    );
    if (lacking.length > 0) throw new Error(`nothing for ${lacking.join("\n")}`);
    return true;
  }, patience);
});

test("every alert can be evaluated, and a healthy agent and server fire none", async () => {
  interface Rule {
    readonly name: string;
    readonly health: string;
    readonly state: string;
    readonly lastError?: string;
  }
  const rules = await until("all rules evaluated", async () => {
    const answer = await fetch(`${origin}/api/v1/rules`);
    const { data } = await answer.json();
    const rules: Rule[] = data.groups.flatMap((group: { rules: Rule[] }) => group.rules);
    return rules.every(({ health }) => health !== "unknown") ? rules : undefined;
  }, patience);
  assert.ok(rules.length >= 14);
  const unwell = rules.filter(({ health, state }) => health !== "ok" || state === "firing");
  assert.deepEqual(unwell, []);
});
