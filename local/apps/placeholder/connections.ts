/** The Postgres and Valkey connections in a component's variables, each with the name of its variable. */

export interface PostgresTarget {
  readonly variable: string;
  readonly url: string;
}

export interface ValkeyTarget {
  readonly variable: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

type Env = Readonly<Record<string, string | undefined>>;

const POSTGRES = /^postgres(ql)?(\+\w+)?:\/\//;
const VALKEY = /^rediss:\/\//;

/** URLs in the form of node-postgres, also those written for other drivers. */
export function postgresTargets(env: Env): PostgresTarget[] {
  return Object.entries(env).flatMap(([variable, value = ""]) => {
    const url = postgresUrl(value);
    if (!url) return [];
    const mode = url.searchParams.get("ssl");
    if (mode !== null) {
      url.searchParams.delete("ssl");
      url.searchParams.set("sslmode", mode);
      if (env.PGSSLROOTCERT) url.searchParams.set("sslrootcert", env.PGSSLROOTCERT);
    }
    if (isUnverified(url, env)) url.searchParams.set("uselibpqcompat", "true");
    return [{ variable, url: url.href }];
  });
}

export function valkeyTargets(env: Env): ValkeyTarget[] {
  return Object.entries(env).flatMap(([variable, value = ""]) => {
    const url = VALKEY.test(value) ? parse(value) : undefined;
    if (!url) return [];
    const { hostname: host, port, username: user, password, pathname } = url;
    const database = pathname.slice(1) || "0";
    return [{ variable, host, port: Number(port), user: decode(user), password: decode(password), database }];
  });
}

/** A placeholder connects to nothing outside this machine: real credentials may be among its variables. */
export const isLocal = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host);

export const hostOf = ({ url }: PostgresTarget): string => new URL(url).hostname;

/** By variable: why its connection is not checked, or not verified. */
export function warningsOf(env: Env): Record<string, string> {
  const warnings = Object.entries(env).flatMap(([variable, value = ""]) => {
    const warning = warningOf(value, env);
    return warning === undefined ? [] : [[variable, warning] as const];
  });
  return Object.fromEntries(warnings);
}

const SERVERS: Readonly<Record<string, string>> = { mysql: "MySQL", mongodb: "MongoDB", kafka: "Kafka", opensearch: "OpenSearch" };

function warningOf(value: string, env: Env): string | undefined {
  const [, engine] = /\b(mysql|mongodb|kafka|opensearch)-does-not-run-here\.invalid\b/.exec(value) ?? [];
  if (engine) return `no ${SERVERS[engine]} server runs on this machine: nothing was connected to`;
  const [reference] = /\$\{[a-z_][a-z0-9_-]*\.(?:[A-Za-z0-9_-]+\.)?[A-Z_][A-Z0-9_]*\}/.exec(value) ?? [];
  if (reference) return `${reference} has no value: the spec declares no such component, database or variable`;
  if (!POSTGRES.test(value) && !VALKEY.test(value)) return undefined;
  const url = POSTGRES.test(value) ? postgresUrl(value) : parse(value);
  if (!url) return "is not a valid URL: nothing was connected to";
  if (!isLocal(url.hostname)) return `${url.hostname} is not on this machine: nothing was connected to`;
  if (isUnverified(url, env)) return "sslmode=require: encrypted, but the certificate of the server is not verified";
  if (VALKEY.test(value) && !hasAuthority(env))
    return "encrypted, but the certificate of the server is not verified: no variable holds its CA";
  return undefined;
}

/** libpq verifies nothing for sslmode=require, unless it has a CA. */
const isUnverified = (url: URL, env: Env): boolean =>
  url.searchParams.get("sslmode") === "require" && !url.searchParams.has("sslrootcert") && !hasAuthority(env);

const hasAuthority = ({ NODE_EXTRA_CA_CERTS, PGSSLROOTCERT }: Env): boolean => Boolean(NODE_EXTRA_CA_CERTS || PGSSLROOTCERT);

const postgresUrl = (value: string): URL | undefined =>
  POSTGRES.test(value) ? parse(value.replace(/^[\w+]+:/, "postgresql:")) : undefined;

const parse = (value: string): URL | undefined => URL.parse(value) ?? undefined;

/** A percent sign that encodes no character stays as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
