/** Parses the URL of a store. */
import { isIP } from "node:net";
import { Failure } from "../../connect/failure.ts";

export interface StoreAddress {
  /** rediss://default:password@host:25061. A database number in the URL is ignored: each keyspace declares its own. */
  readonly url: string;
  /** The cluster's CA in PEM. @default the root certificates of this machine */
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
    throw urlFailure("uses redis://, which is not encrypted. Write rediss:// and the TLS port (DigitalOcean: 25061)");
  if (url.protocol === "valkeys:") return parseTarget({ url: text.replace("valkeys:", "rediss:"), ca });
  if (url.protocol !== "rediss:") throw urlFailure(`uses ${url.protocol}//. Write rediss://default:password@host:25061`);
  if (url.hostname === "") throw urlFailure("has no host. Write rediss://default:password@host:25061");
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || 6379),
    user: decode(url.username) || "default",
    password: decode(url.password),
    ...(ca === undefined || ca === "" ? {} : { ca }),
  };
}

/** The host name for TLS SNI; undefined for an IP address, which SNI does not allow. */
export const tlsServerName = ({ host }: Target): string | undefined => (isIP(host) === 0 ? host : undefined);

/** For messages; without the password. */
export const formatTarget = ({ host, port }: Target): string => `${host}:${port}`;

function parse(text: string): URL {
  if (text.trim() === "") throw urlFailure("is empty. Write rediss://default:password@host:25061");
  try {
    return new URL(text);
  } catch {
    throw urlFailure(
      "is not a valid URL. If the password contains # / ? % @ or :, percent-encode it: node -p 'encodeURIComponent(process.argv[1])' -- PASSWORD",
    );
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw urlFailure("contains a % that is not an escape. Write a literal % as %25");
  }
}

/** Does not quote the URL, because it contains the password. */
const urlFailure = (what: string): Failure => new Failure("bad-url", 2, `The store's URL ${what}.`);
