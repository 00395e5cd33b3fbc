#!/usr/bin/env node
// Plain JavaScript for Node 18 and newer: finds a Node that slipway can run on, and starts slipway with it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";

const NEEDED = [22, 18];
/** The environment variable that names the file descriptor of the pipe to the launcher; setup/child.mjs sets it too. */
const LAUNCHER_PIPE = "SLIPWAY_LAUNCHER_PIPE";
const here = (path) => new URL(`../${path}`, import.meta.url);

// A checkout runs its TypeScript sources with Node's type stripping; the published package contains compiled files.
const source = here("cli/main.ts");
const isCheckout = existsSync(source);
const [major, minor] = process.versions.node.split(".").map(Number);
const isNewEnough = major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);

endWithLauncher();

// Early versions of Node 23 do not strip types, although Node 22.18 does.
if (isNewEnough && (process.features.typescript || !isCheckout)) {
  module.enableCompileCache?.();
  const { main, reportError } = await import(isCheckout ? source.href : here("dist/cli/main.js").href);
  // stdout may be closed (`slipway plan | head`) or the disk full. Keep going: output errors must not stop a migration halfway.
  let outputError;
  process.stdout.on("error", (error) => (outputError ??= error));
  process.stderr.on("error", () => {});
  // Report unhandled rejections as ordinary errors, without a stack trace.
  let reported;
  for (const event of ["unhandledRejection", "uncaughtException"]) process.on(event, (error) => (reported = reportError(error)));
  let code = await main(process.argv.slice(2));
  for (const stream of [process.stdout, process.stderr]) await new Promise((written) => stream.write("", written));
  // Node reports a rejection of the last moment one turn later.
  await new Promise((turn) => setImmediate(turn));
  if (outputError && outputError.code !== "EPIPE") reported = reportError(new Error(`The output is incomplete: ${outputError.message}`));
  code = (await reported) ?? code;
  // A recorded program may have left timers or connections open; they must not keep this process alive.
  process.exit(code);
} else {
  startAgain(fileURLToPath(here("node_modules/node/bin/node")));
}

function startAgain(node) {
  if (!existsSync(node)) {
    console.error(
      `slipway needs Node ${NEEDED.join(".")} or newer; this is ${process.version}. Install it from https://nodejs.org, or run "npm install" in a checkout, which brings its own.`,
    );
    process.exitCode = 2;
    return;
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, [LAUNCHER_PIPE]: "3" },
  });
  child.stdio[3].on("error", () => {});
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
    process.exitCode = code ?? 1;
  });
}

/**
 * A launcher that is killed with SIGKILL can pass on no signal. It holds the other end of a pipe, which closes with it: then this process gets the
 * SIGTERM that it would have been sent, so a migration is interrupted as by Ctrl-C. Processes that this one starts do not inherit the pipe.
 */
function endWithLauncher() {
  const { [LAUNCHER_PIPE]: fd } = process.env;
  if (fd === undefined) return;
  delete process.env[LAUNCHER_PIPE];
  let pipe;
  try {
    pipe = new Socket({ fd: Number(fd), readable: true, writable: false });
  } catch {
    return; // The variable came from somewhere else, and no such pipe exists.
  }
  pipe.on("error", () => {}).on("close", () => process.kill(process.pid, "SIGTERM"));
  pipe.resume().unref();
}
