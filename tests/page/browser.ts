/** Debian's Chromium, started without a window and without calls home. */
import { createRequire } from "node:module";
import type * as playwright from "playwright-core";

// Its ES module is a wrapper that not every runtime can read.
const { chromium } = createRequire(import.meta.url)("playwright-core") as typeof playwright;

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
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });
}
