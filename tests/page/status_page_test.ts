/**
 * The status page of `dev` in a real browser: what it shows, to whom, and that it updates itself.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { DevProcess, send } from "../runtime/dev_process.ts";
import { axe, openBrowser } from "./browser.ts";

const sample = fileURLToPath(new URL("../../dev/cluster.yaml", import.meta.url));
const patience = { timeout: 20_000 };

let folder: string;
let manifest: string;
let dev: DevProcess;
let status: string;
let browser: Browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rolecall-page-"));
  manifest = join(folder, "cluster.yaml");
  await copyFile(sample, manifest);
  dev = new DevProcess(["--manifests", manifest]);
  status = (await dev.url("status")).href;
  await dev.saw(/127\.0\.0\.10 +strict\/careful +role arn:\S+\n/);
  browser = await openBrowser();
});

after(async () => {
  await browser.close();
  assert.equal(await dev.stop(), 0);
  await rm(folder, { recursive: true });
});

/** Opens a page in its own browser context; any console error fails the test. */
async function on(
  path: string,
  look: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
  script = "",
): Promise<void> {
  const context = await browser.newContext(options);
  await context.addInitScript(script);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(new URL(path, status).href);
  try {
    await look(page);
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
}

function podRow(page: Page, name: string) {
  return page.getByRole("region", { name: "Pods" }).getByRole("row").filter({
    has: page.getByRole("link", { name }),
  });
}

test("the page has landmarks, named tables and a headline", () =>
  on("/", async (page) => {
    await page.getByRole("heading", { level: 1, name: "Rolecall" }).waitFor(patience);
    for (const landmark of ["banner", "main", "contentinfo", "navigation", "search"] as const) {
      assert.equal(await page.getByRole(landmark).first().isVisible(), true, landmark);
    }
    for (const name of ["Health", "Agents", "Pods", "Roles", "The last hour"]) {
      assert.equal(await page.getByRole("region", { name }).getByRole("table").count(), 1, name);
    }
    const text = await page.getByRole("status").innerText();
    assert.match(text, /1 of 1 agent healthy, 4 pods with credentials, 5 denied\./);
    await podRow(page, "shop/curious").getByText("NotPermitted").waitFor(patience);
    assert.equal(await podRow(page, "shop/cart").getByRole("meter").count(), 1);
    assert.match(
      await page.getByRole("img").getAttribute("aria-label") ?? "",
      /^Events per minute: \d+ issued/,
    );
  }));

test("the page updates itself and keeps focus, search field and scroll position", () =>
  on("/", async (page) => {
    await page.getByText("Updates automatically.").waitFor(patience);
    await page.getByLabel("namespace").fill("half a w");
    await page.evaluate("scrollTo(0, 150)");
    const own = page.getByRole("link", { name: "shop/cart" });
    await own.focus();
    const place = await page.evaluate("scrollY");
    assert.ok(Number(place) > 0);
    const text = await readFile(manifest, "utf8");
    await writeFile(manifest, text.replace("role: shop/cart", "role: administrator"));
    try {
      await podRow(page, "shop/cart").getByText("NotPermitted").waitFor(patience);
      assert.equal(await page.evaluate("document.activeElement.textContent"), "shop/cart");
      assert.equal(await page.getByLabel("namespace").inputValue(), "half a w");
      assert.equal(await page.evaluate("scrollY"), place);
      await page.getByRole("status").getByText("6 denied").waitFor(patience);
    } finally {
      await writeFile(manifest, text);
      await podRow(page, "shop/cart").getByText("NotPermitted").waitFor({
        state: "detached",
        ...patience,
      });
    }
  }));

test("a search by keyboard filters the table and has its own URL", () =>
  on("/", async (page) => {
    await page.getByLabel("namespace").focus();
    await page.keyboard.type("strict");
    await page.keyboard.press("Enter");
    await page.waitForURL(/namespace=strict/, patience);
    const links = page.getByRole("region", { name: "Pods" }).getByRole("link");
    assert.deepEqual(await links.allInnerTexts(), ["strict/careful"]);
    assert.equal(await page.getByLabel("namespace").inputValue(), "strict");
  }));

test("a pod's page shows explain's steps", () =>
  on("/pods/shop/curious", async (page) => {
    await page.getByRole("heading", { level: 1, name: "shop/curious" }).waitFor(patience);
    const explained = await send(new URL(status), "/api/pods/shop/curious");
    const { steps } = JSON.parse(explained.text) as { steps: { step: string; found: string }[] };
    const items = await page.getByRole("listitem").allInnerTexts();
    assert.equal(items.length, steps.length);
    for (const [at, { step, found }] of steps.entries()) {
      assert.ok(items[at]!.includes(step) && items[at]!.includes(found), step);
    }
    await page.getByRole("link", { name: "All pods" }).click();
    await page.getByRole("heading", { level: 1, name: "Rolecall" }).waitFor(patience);
  }));

test("the page works without JavaScript", () =>
  on("/", async (page) => {
    await podRow(page, "shop/cart").getByText("role/shop/cart").waitFor(patience);
    await page.getByLabel("pod", { exact: true }).fill("nightly");
    await page.getByRole("button", { name: "Search" }).click();
    await podRow(page, "shop/nightly").waitFor(patience);
    assert.equal(await podRow(page, "shop/cart").count(), 0);
  }, { javaScriptEnabled: false }));

test("on a phone nothing is cut off, and tables keep their roles", () =>
  on("/", async (page) => {
    await podRow(page, "shop/cart").waitFor(patience);
    const wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert.equal(await page.evaluate(wide), 0);
    assert.equal(await page.getByRole("table").count(), 5);
    assert.ok(await page.getByRole("cell", { name: "dev-node" }).count() > 1);
    for (const name of ["shop/curious", "shop/stranger"]) {
      await page.getByRole("link", { name }).first().click();
      await page.getByRole("heading", { level: 1, name }).waitFor(patience);
      assert.equal(await page.evaluate(wide), 0, name);
      await page.goBack();
    }
  }, { viewport: { width: 360, height: 740 } }));

/** Keeps sections from being replaced while they are checked. */
const still = "EventSource = class { addEventListener() {} }";
const wcag =
  '{ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }';
const looks = { wide: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };
const paths = ["/", "/?pod=nobody", "/pods/shop/cart", "/pods/shop/stranger"];

for (const colorScheme of ["light", "dark"] as const) {
  for (const [look, viewport] of Object.entries(looks)) {
    test(`axe-core finds no violation of WCAG 2.2 AA: ${colorScheme}, ${look}`, async () => {
      for (const path of paths) {
        await on(
          path,
          async (page) => {
            await page.evaluate(axe.source);
            const found = await page.evaluate(`axe.run(document, ${wcag})`) as AxeResults;
            assert.deepEqual(found.violations.map(shown), [], path);
            const unsure = found.incomplete.filter(({ id }) => id === "color-contrast");
            assert.deepEqual(unsure.map(shown), [], path);
            assert.ok(found.passes.length > 10, path);
          },
          { colorScheme, viewport },
          still,
        );
      }
    });
  }
}

interface AxeResults {
  readonly violations: readonly Finding[];
  /** Needs a person's judgement. */
  readonly incomplete: readonly Finding[];
  readonly passes: readonly Finding[];
}

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

function shown({ id, nodes }: Finding): string {
  return `${id}: ${nodes.map(({ html }) => html).join(" ")}`;
}

test("1,500 pods: a hundred per page, and search finds any of them", async () => {
  const path = join(folder, "many.json");
  await writeFile(path, JSON.stringify({ kind: "List", items: manyPods(1500) }));
  const many = new DevProcess(["--manifests", path]);
  try {
    const url = await many.url("status");
    await many.saw(/sends a request as the pod at that address/);
    await on(url.href, async (page) => {
      await page.getByText("1501 pods, 1 to 100 shown").waitFor(patience);
      await page.getByRole("link", { name: "Next" }).click();
      await page.getByText("1501 pods, 101 to 200 shown").waitFor(patience);
      await page.getByLabel("pod", { exact: true }).fill("web-1499");
      await page.keyboard.press("Enter");
      await page.getByText("1 pod", { exact: true }).waitFor(patience);
      await podRow(page, "shop/web-1499").waitFor(patience);
    });
  } finally {
    assert.equal(await many.stop(), 0);
  }
});

/** Without roles: only the page matters here. */
function manyPods(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({
    kind: "Pod",
    metadata: { name: `web-${n}`, namespace: "shop", uid: `uid-${n}` },
    status: { podIP: `127.1.${Math.floor(n / 250)}.${n % 250 + 1}` },
  }));
}

test("the page contains no pod's keys", async () => {
  const agent = await dev.url("agent");
  const path = "/latest/meta-data/iam/security-credentials/cart";
  const keys = JSON.parse((await send(agent, path)).text);
  for (const path of ["/", "/pods/shop/cart", "/api/summary", "/api/pods/shop/cart"]) {
    const { text } = await send(new URL(status), path);
    assert.ok(text.includes("shop"), path);
    for (const secret of [keys.SecretAccessKey, keys.Token]) {
      assert.ok(!text.includes(secret), path);
    }
  }
});
