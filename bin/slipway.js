#!/usr/bin/env node
// Plain JavaScript that any Node since 18 can start: it finds the Node that slipway needs, then hands over.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";

const NEEDED = [22, 18];
/** The environment variable that names the file descriptor of the pipe to the launcher; setup/child.mjs sets it too. */
const LAUNCHER_PIPE = "SLIPWAY_LAUNCHER_PIPE";
const here = (path) => new URL(`../${path}`, import.meta.url);

// A checkout runs its sources, whose types Node strips by itself; the published package brings them compiled.
const source = here("cli/main.ts");
const isCheckout = existsSync(source);
const [major, minor] = process.versions.node.split(".").map(Number);
const isNewEnough = major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);

endWithLauncher();

// Node 23 learned to strip types only later than 22 did.
if (isNewEnough && (process.features.typescript || !isCheckout)) {
  module.enableCompileCache?.();
  const { main, tell } = await import(isCheckout ? source.href : here("dist/cli/main.js").href);
  // Whoever read this may have gone (`slipway plan | head`), or the disk be full. The work goes on: a migration must not end half way because of it.
  let unprinted;
  process.stdout.on("error", (error) => (unprinted ??= error));
  process.stderr.on("error", () => {});
  // What nobody awaited is told like everything else: in a sentence.
  let told;
  for (const event of ["unhandledRejection", "uncaughtException"]) process.on(event, (error) => (told = tell(error)));
  let code = await main(process.argv.slice(2));
  for (const stream of [process.stdout, process.stderr]) await new Promise((written) => stream.write("", written));
  // What was left to itself in the last moment is heard of only now.
  await new Promise((turn) => setImmediate(turn));
  if (unprinted && unprinted.code !== "EPIPE") told = tell(new Error(`Not all of the report could be written: ${unprinted.message}`));
  code = (await told) ?? code;
  // Left to itself, Node would tidy up the memory of a run that is over: a fifteenth of a plan's time.
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
