/** Where a connection leads, read from a URL once and strictly. */
import { readFileSync } from "node:fs";
import { Failure } from "./failure.ts";

/** The command that saves a cluster's CA certificate. */
export const FETCH_CA = "doctl databases get-ca ID --format Certificate --no-header > ca.pem";

export interface Connection {
  /** postgres://user:password@host:25060/database, direct, never a pool's. What it says of TLS is replaced by verification. */
  readonly url: string;
  /** The cluster's CA, PEM. @default the machine's own root certificates */
  readonly ca?: string | undefined;
}

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** false only on loopback, where nobody listens in. */
  readonly tls: false | { readonly ca?: string };
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\/.*)$/;

export function targetOf(connection: Connection): Target {
  const url = parse(connection.url);
  const host = decode(url.hostname.replace(/^\[(.*)\]$/, "$1")) || url.searchParams.get("host") || "localhost";
  const database = decode(url.pathname.slice(1));
  if (database === "") throw bad("names no database. Write postgres://user:password@host:port/database");
  if (url.username === "") throw bad("names no user. Write postgres://user:password@host:port/database");
  return {
    host,
    port: Number(url.port || 5432),
    database,
    user: decode(url.username),
    password: decode(url.password),
    tls: tls(url, connection.ca, LOOPBACK.test(host)),
  };
}

/** How a target is called in messages: everything but the password. */
export function nameOf({ user, host, port, database }: Target): string {
  return `${user}@${host}:${port}/${database}`;
}

/** A URL that asks for less than verification gets verification: `require` without a CA is how a stranger's server is believed. */
function tls(url: URL, ca: string | undefined, loopback: boolean): Target["tls"] {
  const mode = url.searchParams.get("sslmode");
  const rootCert = url.searchParams.get("sslrootcert");
  const pem = ca ?? (rootCert && rootCert !== "system" ? readCa(rootCert) : undefined);
  if (pem !== undefined) return { ca: pem };
  if (loopback && (mode === null || mode === "disable" || mode === "prefer" || mode === "allow")) return false;
  if (mode === "disable")
    throw bad("switches TLS off (sslmode=disable) to a host that is not this machine. Take that part out; the certificate is verified");
  return {};
}

function readCa(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw bad(`names a certificate that cannot be read (sslrootcert=${path})`);
  }
}

function parse(text: string): URL {
  if (text.trim() === "") throw bad("is empty. Write postgres://user:password@host:port/database");
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw bad(
      "cannot be read as one. If the password has # / ? % @ or : in it, percent-encode them: node -p 'encodeURIComponent(process.argv[1])' -- PASSWORD",
    );
  }
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:")
    throw bad(`begins with ${url.protocol}//, and a Postgres URL with postgres://`);
  return url;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw bad("holds a % that is not an escape. Write a literal % as %25");
  }
}

/** Never quotes the URL: there is a password in it. */
function bad(what: string): Failure {
  return new Failure("bad-url", 2, `The connection URL ${what}.`);
}
