/** `node run.ts <folder> <url>`: runs `up` in a separate process, for tests that kill it. */
import { Failure } from "../../connect/failure.ts";
import { up } from "../up.ts";

const [folder = "", url = ""] = process.argv.slice(2);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
try {
  await up({
    folder,
    connection: { url },
    signal: stop.signal,
    onProgress: (event) => {
      if (event.kind === "pending") console.log("begun");
    },
  });
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = error instanceof Failure ? error.exit : 1;
}
