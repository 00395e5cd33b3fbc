import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Timings } from "../cloud/core/time.ts";
import { openCloud } from "../cloud/open-cloud.ts";
import { recordOnly } from "../cloud/record-only.ts";
import { startApi } from "./server.ts";

const USAGE = `Serve DigitalOcean's API on loopback, without servers behind it.

  node local/api/serve.ts [options]

  --port <number>          port to listen on                     (4010)
  --token <text>           bearer token that clients send        (local)
  --state <directory>      state directory                       (.slipway/api)
  --timings <how>          instant, real, or milliseconds        (instant)
  --spaces-access-id <id>  Spaces key with full access           (local)
  --spaces-secret <text>   secret of that key                    (local-secret)
  --quiet                  do not print the requests
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "4010" },
      token: { type: "string", default: "local" },
      state: { type: "string", default: ".slipway/api" },
      timings: { type: "string", default: "instant" },
      "spaces-access-id": { type: "string", default: "local" },
      "spaces-secret": { type: "string", default: "local-secret" },
      quiet: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const cloud = await openCloud({
    directory: values.state,
    backing: recordOnly,
    timings: timingsOf(values.timings),
    spacesKey: { accessKey: values["spaces-access-id"], secretKey: values["spaces-secret"] },
    note: (line) => process.stderr.write(`${line}\n`),
  });
  const api = await startApi({
    cloud,
    token: values.token,
    project: fileURLToPath(new URL("../..", import.meta.url)),
    port: portOf(values.port),
    log: ({ method, path, status, milliseconds, unknown }) => {
      if (unknown) process.stderr.write(`NOT IMPLEMENTED: ${method} ${path}\n`);
      if (!values.quiet) process.stdout.write(`${method.padEnd(6)} ${path} ${status} ${milliseconds} ms\n`);
    },
  }).catch(async (error: NodeJS.ErrnoException) => {
    await cloud.close();
    throw error.code === "EADDRINUSE"
      ? new Error(`--port ${values.port} is in use. Stop the process that listens on it, or choose another port (0 picks a free one)`)
      : error;
  });
  const stop = async () => {
    await api.close();
    await cloud.close();
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.stdout.write(`${api.url}\n`);
}

function timingsOf(text: string): Timings {
  if (text === "instant" || text === "real") return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`--timings ${text}: must be instant, real, or a number of milliseconds`);
}

function portOf(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new Error(`--port ${text}: must be a number up to 65535`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
