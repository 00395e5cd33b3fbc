/** Reads where a copy is kept: `s3://bucket/prefix?region=…&endpoint=…`, or the path of a folder. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { openFolder } from "./folder.ts";
import type { ObjectStore } from "./object-store.ts";

export interface Location {
  readonly url: string;
  /** "<access key>:<secret key>", only for S3. */
  readonly key?: string;
}

const EXAMPLE = "s3://acme-backups/prod?region=fra1";

export async function openStore({ url: text, key }: Location): Promise<ObjectStore> {
  if (!text.startsWith("s3:")) return openFolder(folderOf(text));
  const url = parse(text);
  // Before any message that contains the address.
  if (url.username !== "" || url.password !== "")
    throw badLocation(
      `The address of s3://${url.host} contains a key, which lists of processes and logs would show. Set the key in the environment, as <access key>:<secret key>`,
    );
  const region = url.searchParams.get("region");
  if (region === null || !/^[a-z0-9-]+$/.test(region)) throw badLocation(`${text} names no region`);
  for (const name of url.searchParams.keys())
    if (!["region", "endpoint"].includes(name)) throw badLocation(`${text} has an unknown parameter "${name}"`);
  const [accessKey = "", secretKey = ""] = splitOnce(key ?? "");
  if (accessKey === "" || secretKey === "")
    throw new Failure(
      "no-store-key",
      2,
      `There is no key for s3://${url.host}. Set SLIPWAY_BACKUP_STORE_KEY, or SLIPWAY_BACKUP_OFFSITE_KEY for the second copy, to <access key>:<secret key>.`,
    );
  const endpoint = url.searchParams.get("endpoint") ?? spacesEndpoint(region);
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ""))
    throw badLocation(`The endpoint of s3://${url.host} is not an address that begins with https://`);
  const { openS3 } = await import("./s3.ts");
  return openS3({
    ...{ bucket: url.host, prefix: decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, ""), region, accessKey, secretKey },
    ...(endpoint === undefined ? {} : { endpoint }),
  });
}

/** Regions of DigitalOcean look like "fra1", those of AWS like "eu-central-1". */
const spacesEndpoint = (region: string): string | undefined =>
  /^[a-z]{3}\d$/.test(region) ? `https://${region}.digitaloceanspaces.com` : undefined;

function parse(text: string): URL {
  try {
    const url = new URL(text);
    if (url.host !== "") return url;
  } catch {
    // As without a bucket.
  }
  throw badLocation(`${withoutKey(text)} names no bucket`);
}

function folderOf(text: string): string {
  if (text.startsWith("file:")) return fileURLToPath(text);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw badLocation(`${withoutKey(text)} is neither a folder nor an S3 store`);
  return resolve(text);
}

function splitOnce(text: string): readonly string[] {
  const at = text.indexOf(":");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

const withoutKey = (text: string): string => text.replace(/\/\/.*@/, "//…@");

const badLocation = (problem: string): Failure => new Failure("bad-store", 2, `${problem}. Use a folder, or an address such as ${EXAMPLE}`);
