/**
 * Loaded before a command that set-up runs (`node --import`): when set-up is killed with SIGKILL, which it cannot pass on, the command gets
 * the SIGTERM that it would have been sent. Set-up holds the other end of a pipe, which closes with it. bin/slipway.js does the same by itself.
 */
import { Socket } from "node:net";
import process from "node:process";

const { SLIPWAY_LAUNCHER_PIPE: fd } = process.env;
// What this process starts does not end with set-up: the local platform's daemon outlives both.
delete process.env.SLIPWAY_LAUNCHER_PIPE;
if (fd !== undefined) {
  const pipe = new Socket({ fd: Number(fd), readable: true, writable: false });
  pipe.on("error", () => {}).on("close", () => process.kill(process.pid, "SIGTERM"));
  pipe.resume().unref();
}
