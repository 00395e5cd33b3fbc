/** Everything that set-up tells the person at the terminal: plain lines, a line that counts seconds on a TTY, and errors they can mend. */
import process from "node:process";

/** Something the person can mend. Its message is all they see: what is wrong, and what to type. */
export class Plain extends Error {}

export const say = (line) => process.stdout.write(`${line}\n`);

/** Says what is being done, and how long it took. On a TTY the seconds count up in place. */
export async function timed(doing, work) {
  const since = Date.now();
  const line = (end) => `${doing} … ${Math.round((Date.now() - since) / 1000)} s${end}`;
  const redraw = process.stdout.isTTY ? () => process.stdout.write(`\r\x1b[K${line("")}`) : undefined;
  if (redraw) redraw();
  else say(`${doing} …`);
  const clock = redraw && setInterval(redraw, 1000);
  let end = ", then it stopped";
  try {
    const result = await work();
    end = ", done";
    return result;
  } finally {
    clearInterval(clock);
    say((redraw ? "\r\x1b[K" : "") + line(end));
  }
}

/** A failure of the disk in words; undefined for what only a programmer can mend. */
export function fromSystem(error, root) {
  if (error instanceof Plain) return error;
  if (error.code === "ENOSPC" || error.code === "EDQUOT") {
    return new Plain(`The disk is full (${error.path ?? root}). Free some 700 MB there, then type the same command again.`);
  }
  if (["EACCES", "EPERM", "EROFS"].includes(error.code)) {
    return new Plain(
      `You may not write ${error.path ?? root} (${error.code}), and set-up has to.\nCopy the checkout to a place of your own: cp -r '${root}' ~/slipway && cd ~/slipway`,
    );
  }
  return undefined;
}
