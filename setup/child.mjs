/** Runs child processes, and returns their exit codes. The child handles Ctrl-C. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";

const END_WITH_LAUNCHER = new URL("./end-with-launcher.mjs", import.meta.url).href;

/**
 * Runs a Node program in this terminal. The program ends with this process, even after SIGKILL.
 * @returns the exit code; 128 + the signal number if a signal ended the program
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

/** Runs a command and returns its output instead of printing it. Calls `started` with the process id. */
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
  // The terminal sends Ctrl-C to the child too, so this process ignores it. Signals to this process alone are forwarded.
  const ignore = () => {};
  const forward = (signal) => child.kill(signal);
  process.on("SIGINT", ignore).on("SIGTERM", forward).on("SIGHUP", forward);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  }).finally(() => process.off("SIGINT", ignore).off("SIGTERM", forward).off("SIGHUP", forward));
}
