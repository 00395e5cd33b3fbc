/** A copy of this checkout, for tests that write into one; node_modules is the checkout's own. */
import { cpSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ROOT } from "./setup/checkout.ts";

const LEFT_BEHIND = ["node_modules", ".git", ".slipway", "dist", "coverage"];

export function copyCheckout(to: string): void {
  cpSync(ROOT, to, { recursive: true, filter: (path) => dirname(path) !== ROOT || !LEFT_BEHIND.includes(basename(path)) });
  symlinkSync(join(ROOT, "node_modules"), join(to, "node_modules"));
}
