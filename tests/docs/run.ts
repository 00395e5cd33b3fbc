/** The tests of some pages: every command in them is run, in order, and has to succeed. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Clone, cloneRepository } from "./clone.ts";

/** A page starts servers and Pulumi's engine several times, also on a busy machine. */
const PAGE_MS = 900_000;

/** @param withPlatform Whether the local platform is running when a page begins. */
export function runPages(pages: readonly string[], { withPlatform }: { readonly withPlatform: boolean }): void {
  let clone: Clone;
  beforeAll(async () => {
    clone = await cloneRepository();
    if (withPlatform) clone.run("npx", "slipway", "local", "up");
  });
  afterAll(() => {
    clone?.run("npx", "slipway", "local", "reset");
    clone?.remove();
  });

  // A page begins as its reader does; what one before has started is its own affair.
  afterEach(() => {
    if (!withPlatform) clone.run("npx", "slipway", "local", "down");
  });

  it.each(pages)("every command of %s succeeds", { timeout: PAGE_MS }, async (page) => {
    const { code, output, leftOut } = await clone.type(page);
    if (leftOut.length > 0) process.stdout.write(`Not run, because the program is not on the PATH: ${leftOut.join(", ")}\n`);
    expect(`${code} ${lastLines(output)}`).toMatch(/^0 [\s\S]*@ end$/);
  });
}

const lastLines = (output: string): string => output.trimEnd().split("\n").slice(-30).join("\n");
