/**
 * Loaded with `node --import` into commands that set-up runs. If set-up is killed with SIGKILL, which it cannot forward, the command receives
 * SIGTERM: set-up holds the other end of a pipe, which closes when set-up ends. bin/slipway.js does the same on its own.
 */
import { Socket } from "node:net";
import process from "node:process";

const { SLIPWAY_LAUNCHER_PIPE: fd } = process.env;
// Not inherited: the local platform's daemon keeps running after both processes have ended.
delete process.env.SLIPWAY_LAUNCHER_PIPE;
if (fd !== undefined) {
  const pipe = new Socket({ fd: Number(fd), readable: true, writable: false });
  pipe.on("error", () => {}).on("close", () => process.kill(process.pid, "SIGTERM"));
  pipe.resume().unref();
}
