/** Parses connection URLs strictly. */
import { readFileSync } from "node:fs";
import { Failure } from "./failure.ts";

/** The command that saves a cluster's CA certificate. */
export const FETCH_CA = "doctl databases get-ca ID --format Certificate --no-header > ca.pem";

export interface Connection {
  /** postgres://user:password@host:25060/database, direct, not through a pool. sslmode is ignored: the certificate is always verified. */
  readonly url: string;
  /** The CA certificate of the cluster, PEM. @default the root certificates of this machine */
  readonly ca?: string | undefined;
}

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** false only on loopback. */
  readonly tls: false | { readonly ca?: string };
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\/.*)$/;

export function targetOf(connection: Connection): Target {
  const url = parse(connection.url);
  const host = decode(url.hostname.replace(/^\[(.*)\]$/, "$1")) || url.searchParams.get("host") || "localhost";
  const database = decode(url.pathname.slice(1));
  if (database === "") throw badUrl("has no database. Use postgres://user:password@host:port/database");
  if (url.username === "") throw badUrl("has no user. Use postgres://user:password@host:port/database");
  return {
    host,
    port: Number(url.port || 5432),
    database,
    user: decode(url.username),
    password: decode(url.password),
    tls: tlsOptions(url, connection.ca, LOOPBACK.test(host)),
  };
}

/** The target in messages, without the password. */
export function nameOf({ user, host, port, database }: Target): string {
  return `${user}@${host}:${port}/${database}`;
}

/** Verifies the certificate also for weaker modes: `require` without a CA would accept any server. */
function tlsOptions(url: URL, ca: string | undefined, loopback: boolean): Target["tls"] {
  const mode = url.searchParams.get("sslmode");
  const rootCert = url.searchParams.get("sslrootcert");
  const pem = ca ?? (rootCert && rootCert !== "system" ? readCa(rootCert) : undefined);
  if (pem !== undefined) return { ca: pem };
  if (loopback && (mode === null || mode === "disable" || mode === "prefer" || mode === "allow")) return false;
  if (mode === "disable")
    throw badUrl(
      "disables TLS (sslmode=disable), which is allowed only for this machine. Remove that parameter: the certificate is verified",
    );
  return {};
}

function readCa(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw badUrl(`names a certificate file that cannot be read (sslrootcert=${path})`);
  }
}

function parse(text: string): URL {
  if (text.trim() === "") throw badUrl("is empty. Use postgres://user:password@host:port/database");
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw badUrl(
      "is invalid. If the password contains # / ? % @ or :, percent-encode them: node -p 'encodeURIComponent(process.argv[1])' -- PASSWORD",
    );
  }
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") throw badUrl(`begins with ${url.protocol}// instead of postgres://`);
  return url;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badUrl("contains a % that is not part of an escape. Write a literal % as %25");
  }
}

/** The message does not quote the URL, which contains a password. */
function badUrl(what: string): Failure {
  return new Failure("bad-url", 2, `The connection URL ${what}.`);
}
