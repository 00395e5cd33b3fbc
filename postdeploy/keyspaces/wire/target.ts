/** Where a store is, read from a URL once and strictly. */
import { isIP } from "node:net";
import { Failure } from "../../connect/failure.ts";

export interface StoreAddress {
  /** rediss://default:password@host:25061. A database number in it is not used: each keyspace names its own. */
  readonly url: string;
  /** The cluster's CA, PEM. @default the machine's own root certificates */
  readonly ca?: string | undefined;
}

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly ca?: string;
}

export function parseTarget({ url: text, ca }: StoreAddress): Target {
  const url = parse(text);
  if (url.protocol === "redis:")
    throw urlFailure("begins with redis://, which sends everything in the clear. Write rediss:// and the TLS port (DigitalOcean: 25061)");
  if (url.protocol === "valkeys:") return parseTarget({ url: text.replace("valkeys:", "rediss:"), ca });
  if (url.protocol !== "rediss:") throw urlFailure(`begins with ${url.protocol}//, and a store's with rediss://`);
  if (url.hostname === "") throw urlFailure("names no host. Write rediss://default:password@host:25061");
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || 6379),
    user: decode(url.username) || "default",
    password: decode(url.password),
    ...(ca === undefined || ca === "" ? {} : { ca }),
  };
}

/** The name that a certificate must carry; an address is compared as one. */
export const tlsServerName = ({ host }: Target): string | undefined => (isIP(host) === 0 ? host : undefined);

/** How a store is called in messages: never with its password. */
export const formatTarget = ({ host, port }: Target): string => `${host}:${port}`;

function parse(text: string): URL {
  if (text.trim() === "") throw urlFailure("is empty. Write rediss://default:password@host:25061");
  try {
    return new URL(text);
  } catch {
    throw urlFailure(
      "cannot be read as one. If the password has # / ? % @ or : in it, percent-encode them: node -p 'encodeURIComponent(process.argv[1])' -- PASSWORD",
    );
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw urlFailure("holds a % that is not an escape. Write a literal % as %25");
  }
}

/** Never quotes the URL: there is a password in it. */
const urlFailure = (what: string): Failure => new Failure("bad-url", 2, `The store's URL ${what}.`);
