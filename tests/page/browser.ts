/** Debian's Chromium, headless and without calls home, and the checks of pages in it. */
import { createRequire } from "node:module";
import type * as playwright from "playwright-core";

// Their ES modules are wrappers that not every runtime can read.
const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core") as typeof playwright;

/** axe-core: `source` runs in the page; then `axe.run()` reports accessibility problems. */
export const axe = require("axe-core") as { readonly source: string };

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function openBrowser(): Promise<playwright.Browser> {
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: flags, timeout: 120_000 });
}
