/** Prints the output of set-up: lines, a line that counts seconds on a TTY, and errors that the user can fix. */
import process from "node:process";

/** An error that the user can fix. Only its message is printed: what is wrong, and which command to run. */
export class UserError extends Error {}

export const print = (line) => process.stdout.write(`${line}\n`);

/** Prints what is being done, and how long it took. On a TTY the seconds count up in place. */
export async function printDuration(activity, work) {
  const start = Date.now();
  const line = (end) => `${activity} … ${Math.round((Date.now() - start) / 1000)} s${end}`;
  const redraw = process.stdout.isTTY ? () => process.stdout.write(`\r\x1b[K${line("")}`) : undefined;
  if (redraw) redraw();
  else print(`${activity} …`);
  const timer = redraw && setInterval(redraw, 1000);
  let end = ", failed";
  try {
    const result = await work();
    end = ", done";
    return result;
  } finally {
    clearInterval(timer);
    print((redraw ? "\r\x1b[K" : "") + line(end));
  }
}

/** Explains errors of the file system; undefined for any other error. */
export function toUserError(error, root) {
  if (error instanceof UserError) return error;
  if (error.code === "ENOSPC" || error.code === "EDQUOT") {
    return new UserError(`The disk is full (${error.path ?? root}). Free about 700 MB there, then run the same command again.`);
  }
  if (["EACCES", "EPERM", "EROFS"].includes(error.code)) {
    return new UserError(
      `No permission to write ${error.path ?? root} (${error.code}).\nCopy the checkout to your home directory: cp -r '${root}' ~/slipway && cd ~/slipway`,
    );
  }
  return undefined;
}
