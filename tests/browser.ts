/** A page as a reader meets it: headless Chromium, on the PATH or from Debian's packages. Without one, its tests are skipped. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { type Browser, launch, type Page } from "puppeteer-core";
import { afterAll, beforeAll } from "vitest";
import { lockDirectory } from "../local/cloud/store/lock.ts";
import { isExecutable } from "../local/servers/is-executable.ts";
import {
  fetchPackages,
  findUnpackedProgram,
  type PackageCache,
  type PackagedProgram,
  type Program,
} from "../local/servers/packages/packages.ts";
import { REAL_CACHE } from "../local/servers/testing/servers.ts";
import { currentUser } from "../local/servers/user.ts";
import { describeUnless } from "./skip.ts";

/** About 100 MB, fetched once for all checkouts of a user. The font comes along: a bare container has none, and text without one has no size. */
const CHROMIUM: PackagedProgram = {
  name: "chromium",
  choices: [
    {
      packages: ["chromium-headless-shell", "chromium-common", "fonts-dejavu-core"],
      file: "usr/lib/chromium/chromium-headless-shell",
    },
  ],
};
const NAMES = ["chromium", "chromium-headless-shell", "google-chrome", "google-chrome-stable"];
/** Ten minutes: a hundred megabytes over a slow line. */
const [LOOKS, LOOK_EVERY_MS] = [1_200, 500];
const SHELF: PackageCache = { cache: REAL_CACHE, user: currentUser };

let found: Promise<Program | string> | undefined;

/** Sought once for each test file. @returns why there is none, where there is none */
const chromium = (): Promise<Program | string> => (found ??= findChromium());

async function findChromium(): Promise<Program | string> {
  const named = process.env.PUPPETEER_EXECUTABLE_PATH;
  if (named) return { file: named, env: {} };
  const installed = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  const file = NAMES.flatMap((name) => installed.map((folder) => join(folder, name))).find(isExecutable);
  if (file) return { file, env: {} };
  try {
    if (!findUnpackedProgram(SHELF, CHROMIUM)) await alone(() => fetchPackages(SHELF, [CHROMIUM]));
  } catch (error) {
    return (error as Error).message.split("\n")[0] ?? "";
  }
  return findUnpackedProgram(SHELF, CHROMIUM) ?? "it was fetched and is not there";
}

/** Several test files ask at once, each in a process of its own; one download does for all. */
async function alone(fetch: () => Promise<void>): Promise<void> {
  const folder = join(REAL_CACHE, "chromium");
  mkdirSync(folder, { recursive: true });
  const unlock = await locked(folder);
  await fetch().finally(unlock);
}

async function locked(folder: string): Promise<() => void> {
  for (let look = 0; ; look++) {
    try {
      return lockDirectory(folder);
    } catch (error) {
      // ENOENT: it was given back between two looks at it.
      if (look === LOOKS || !/in use by process|ENOENT/.test((error as Error).message)) throw error;
      await sleep(LOOK_EVERY_MS);
    }
  }
}

/** @throws where there is no Chromium; `describeWithBrowser` skips instead */
export async function launchBrowser(): Promise<Browser> {
  const program = await chromium();
  if (typeof program === "string") throw new Error(`There is no Chromium: ${program}`);
  const folder = mkdtempSync(join(tmpdir(), "slipway chromium "));
  const browser = await launch({
    executablePath: program.file,
    headless: true,
    userDataDir: join(folder, "profile"),
    // Chromium's own sandbox refuses to work for root, and in most containers.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
    env: { ...process.env, ...program.env, ...fonts(folder) },
  });
  browser.once("disconnected", () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  return browser;
}

/** Like `describe`, with a browser for all of its tests. Await it, at the top of a test file. */
export async function describeWithBrowser(name: string, tests: (browser: () => Browser) => void): Promise<void> {
  const program = await chromium();
  const missing =
    typeof program === "string"
      ? { reason: `Chromium is not available (${program})`, enable: "put chromium on the PATH, or its path in PUPPETEER_EXECUTABLE_PATH" }
      : undefined;
  describeUnless(missing, name, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      browser = await launchBrowser();
    });
    afterAll(() => browser?.close());
    tests(() => browser as Browser);
  });
}

/** The same, for pages that are files: each is made once, and opened by its name. */
export async function describePages<Name extends string>(
  name: string,
  pages: Readonly<Record<Name, () => Promise<string>>>,
  tests: (open: (page: Name, options?: VisitOptions) => Promise<Visit>) => void,
): Promise<void> {
  await describeWithBrowser(name, (browser) => {
    let folder: string;
    const file = (page: string) => join(folder, `${page}.html`);
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "slipway report "));
      for (const [page, made] of Object.entries<() => Promise<string>>(pages)) writeFileSync(file(page), await made());
    });
    afterAll(() => rmSync(folder, { recursive: true }));
    tests((page, options) => visit(browser(), pathToFileURL(file(page)).href, options));
  });
}

export interface Visit {
  readonly page: Page;
  /** Errors on the console, failed requests, and every request that left for another origin than the page's. Filled as they happen. */
  readonly troubles: readonly string[];
}

export interface VisitOptions {
  /** In CSS pixels. @default 1280 */
  readonly width?: number;
  /** @default true */
  readonly javaScript?: boolean;
  /** @default "light" */
  readonly colours?: "light" | "dark";
}

/** Opens an address, http or file, and waits until it has loaded. The caller closes the page. */
export async function visit(
  browser: Browser,
  url: string,
  { width = 1280, javaScript = true, colours = "light" }: VisitOptions = {},
): Promise<Visit> {
  const page = await browser.newPage();
  const troubles: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warn") troubles.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => troubles.push(`script: ${error instanceof Error ? error.message : String(error)}`));
  page.on("requestfailed", (request) => troubles.push(`failed: ${request.url()}`));
  page.on("request", (request) => {
    if (isOutside(request.url(), url)) troubles.push(`outside: ${request.url()}`);
  });
  await page.setViewport({ width, height: 900 });
  await page.setJavaScriptEnabled(javaScript);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: colours }]);
  await page.goto(url, { waitUntil: "load" });
  return { page, troubles };
}

function isOutside(asked: string, page: string): boolean {
  const { protocol, host } = new URL(asked);
  return protocol !== "data:" && protocol !== "blob:" && `${protocol}${host}` !== `${new URL(page).protocol}${new URL(page).host}`;
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds on a page, best practices included, as "rule: what is wrong (where)". */
async function accessibility(page: Page): Promise<string[]> {
  // Through the debugger, which no Content-Security-Policy of the page forbids.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run();
    return violations.map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target }) => target.join(" ")).join(", ")})`);
  });
}

/** How far a page is wider than its window: 0 where a reader never scrolls sideways. */
const overhang = (page: Page): Promise<number> => page.evaluate("document.documentElement.scrollWidth - innerWidth") as Promise<number>;

/** All that a reader could complain of: what axe finds, having to scroll sideways, and the troubles on the way. Closes the page. */
export async function faultsOf({ page, troubles }: Visit): Promise<string[]> {
  try {
    const [found, beyond] = [await accessibility(page), await overhang(page)];
    return [...found, ...(beyond === 0 ? [] : [`it is ${beyond} pixels wider than its window`]), ...troubles];
  } finally {
    await page.close();
  }
}

/** The unpacked font alone, wherever the machine has none of its own settings. */
function fonts(folder: string): Record<string, string> {
  const program = findUnpackedProgram(SHELF, CHROMIUM);
  if (!program || existsSync("/etc/fonts/fonts.conf")) return {};
  const root = program.file.slice(0, -"/usr/lib/chromium/chromium-headless-shell".length);
  const file = join(folder, "fonts.conf");
  mkdirSync(join(folder, "fonts"));
  writeFileSync(
    file,
    `<?xml version="1.0"?><fontconfig><dir>${root}/usr/share/fonts</dir><cachedir>${join(folder, "fonts")}</cachedir></fontconfig>\n`,
  );
  return { FONTCONFIG_FILE: file };
}
