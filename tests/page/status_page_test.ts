/** The status page of `dev` in a real browser: what it shows, to whom, and that it keeps itself new. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { ask, DevProcess } from "../runtime/dev_process.ts";
import { openBrowser } from "./browser.ts";

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

/** A page in a context of its own; whatever the browser complains of fails the test. */
async function on(
  path: string,
  look: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(new URL(path, status).href);
  try {
    await look(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

function podRow(page: Page, name: string) {
  return page.getByRole("region", { name: "Pods" }).getByRole("row").filter({
    has: page.getByRole("link", { name }),
  });
}

test("the page has landmarks and tables by name, and says how things stand", () =>
  on("/", async (page) => {
    await page.getByRole("heading", { level: 1, name: "Rolecall" }).waitFor(patience);
    for (const landmark of ["banner", "main", "contentinfo", "navigation", "search"] as const) {
      assert.equal(await page.getByRole(landmark).first().isVisible(), true, landmark);
    }
    for (const name of ["Health", "Agents", "Pods", "Roles", "The last hour"]) {
      assert.equal(await page.getByRole("region", { name }).getByRole("table").count(), 1, name);
    }
    const words = await page.getByRole("status").innerText();
    assert.match(words, /1 of 1 agent well, 4 pods with credentials, 5 denied\./);
    await podRow(page, "shop/curious").getByText("NotPermitted").waitFor(patience);
    assert.equal(await podRow(page, "shop/cart").getByRole("meter").count(), 1);
    assert.match(
      await page.getByRole("img").getAttribute("aria-label") ?? "",
      /^Issues, renewals and denials by the minute: \d+ issued/,
    );
  }));

test("the page keeps itself new, and the keyboard stays where it was", () =>
  on("/", async (page) => {
    await page.getByText("Updates by itself.").waitFor(patience);
    const own = page.getByRole("link", { name: "shop/cart" });
    await own.focus();
    const text = await readFile(manifest, "utf8");
    await writeFile(manifest, text.replace("role: shop/cart", "role: administrator"));
    try {
      await podRow(page, "shop/cart").getByText("NotPermitted").waitFor(patience);
      assert.equal(await page.evaluate("document.activeElement.textContent"), "shop/cart");
      await page.getByRole("status").getByText("6 denied").waitFor(patience);
    } finally {
      await writeFile(manifest, text);
      await podRow(page, "shop/cart").getByText("NotPermitted").waitFor({
        state: "detached",
        ...patience,
      });
    }
  }));

test("a search by keyboard leaves what was searched for, at an address of its own", () =>
  on("/", async (page) => {
    await page.getByLabel("namespace").focus();
    await page.keyboard.type("strict");
    await page.keyboard.press("Enter");
    await page.waitForURL(/namespace=strict/, patience);
    const links = page.getByRole("region", { name: "Pods" }).getByRole("link");
    assert.deepEqual(await links.allInnerTexts(), ["strict/careful"]);
    assert.equal(await page.getByLabel("namespace").inputValue(), "strict");
  }));

test("a pod's page says what explain says, and what to change", () =>
  on("/pods/shop/curious", async (page) => {
    await page.getByRole("heading", { level: 1, name: "shop/curious" }).waitFor(patience);
    const told = await ask(new URL(status), "/api/pods/shop/curious");
    const { steps } = JSON.parse(told.text) as { steps: { step: string; found: string }[] };
    const shown = await page.getByRole("listitem").allInnerTexts();
    assert.equal(shown.length, steps.length);
    for (const [at, { step, found }] of steps.entries()) {
      assert.ok(shown[at]!.includes(step) && shown[at]!.includes(found), step);
    }
    await page.getByRole("link", { name: "All pods" }).click();
    await page.getByRole("heading", { level: 1, name: "Rolecall" }).waitFor(patience);
  }));

test("without JavaScript the page is whole", () =>
  on("/", async (page) => {
    await podRow(page, "shop/cart").getByText("role/shop/cart").waitFor(patience);
    await page.getByLabel("pod", { exact: true }).fill("nightly");
    await page.getByRole("button", { name: "Search" }).click();
    await podRow(page, "shop/nightly").waitFor(patience);
    assert.equal(await podRow(page, "shop/cart").count(), 0);
  }, { javaScriptEnabled: false }));

test("on a phone nothing is cut off, and tables are still tables to a screen reader", () =>
  on("/", async (page) => {
    await podRow(page, "shop/cart").waitFor(patience);
    const wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert.equal(await page.evaluate(wide), 0);
    assert.equal(await page.getByRole("table").count(), 5);
    assert.ok(await page.getByRole("cell", { name: "dev-node" }).count() > 1);
    await page.getByRole("link", { name: "shop/curious" }).first().click();
    await page.getByRole("heading", { level: 1, name: "shop/curious" }).waitFor(patience);
    assert.equal(await page.evaluate(wide), 0);
  }, { viewport: { width: 360, height: 740 } }));

for (const colorScheme of ["light", "dark"] as const) {
  test(`all text stands out from its ground: ${colorScheme}`, () =>
    on("/", async (page) => {
      await podRow(page, "shop/cart").waitFor(patience);
      const faint = await page.evaluate(faintTexts);
      assert.deepEqual(faint, []);
    }, { colorScheme }));
}

/** Texts with a contrast under 4.5 : 1 (WCAG 2, AA); runs in the page. */
const faintTexts = `(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map((n) => n / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  const faint = new Set();
  for (const e of document.querySelectorAll("main p, main td, main th, main a, main caption, .badge, header p")) {
    const own = light(getComputedStyle(e).color);
    const contrast = (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05);
    if (contrast < 4.5) faint.add(e.className + " " + e.tagName);
  }
  return [...faint];
})()`;

test("no key of any pod is in the page", async () => {
  const agent = await dev.url("agent");
  const path = "/latest/meta-data/iam/security-credentials/cart";
  const keys = JSON.parse((await ask(agent, path)).text);
  for (const path of ["/", "/pods/shop/cart", "/api/summary", "/api/pods/shop/cart"]) {
    const { text } = await ask(new URL(status), path);
    assert.ok(text.includes("shop"), path);
    for (const secret of [keys.SecretAccessKey, keys.Token]) {
      assert.ok(!text.includes(secret), path);
    }
  }
});
