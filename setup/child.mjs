/** Child processes: their output passed on or kept, their end told as one number, Ctrl-C theirs to answer. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";

const END_WITH_LAUNCHER = new URL("./end-with-launcher.mjs", import.meta.url).href;

/**
 * Runs a program of Node with this terminal; it ends with this process, however that ends.
 * @returns its exit code (128 + the signal's number where one ended it)
 */
export function run(node, args, options = {}) {
  const child = spawn(node, ["--import", END_WITH_LAUNCHER, ...args], {
    ...options,
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, SLIPWAY_LAUNCHER_PIPE: "3" },
  });
  child.stdio[3]?.on("error", () => {});
  return follow(child);
}

/** The same, with everything it prints kept instead of shown; `started` is given its process id. */
export async function runQuietly(command, args, options, started) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  if (child.pid !== undefined) started(child.pid);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const code = await follow(child);
  return { code, output };
}

function follow(child) {
  // A terminal's Ctrl-C reaches the child by itself; this process only has to outlive it. A kill of this process alone is passed on.
  const outlive = () => {};
  const passOn = (signal) => child.kill(signal);
  process.on("SIGINT", outlive).on("SIGTERM", passOn).on("SIGHUP", passOn);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  }).finally(() => process.off("SIGINT", outlive).off("SIGTERM", passOn).off("SIGHUP", passOn));
}
