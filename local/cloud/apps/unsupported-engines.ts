import type { DatabaseSpec } from "./spec.ts";

/**
 * Engines that a spec may name but that do not run on this machine. Their variables are well-formed; the host name explains why it does not
 * resolve and ends in `.invalid` (RFC 2606).
 */
const ENGINES: Readonly<Record<string, { readonly port: number; url(login: string, address: string, database: string): string }>> = {
  MYSQL: { port: 25060, url: (login, address, database) => `mysql://${login}@${address}/${database}?ssl-mode=REQUIRED` },
  MONGODB: { port: 27017, url: (login, address, database) => `mongodb://${login}@${address}/${database}?tls=true&authSource=admin` },
  KAFKA: { port: 25073, url: (login, address) => `kafka://${login}@${address}` },
  OPENSEARCH: { port: 25060, url: (login, address) => `https://${login}@${address}` },
};

export const isUnsupportedEngine = ({ engine = "UNSET" }: DatabaseSpec): boolean => Object.hasOwn(ENGINES, engine);

export function unsupportedEngineVariables({ engine = "UNSET", name, db_name, db_user }: DatabaseSpec): Record<string, string> | undefined {
  const declared = ENGINES[engine];
  if (!declared) return undefined;
  const [host, user, password, database] = [`${engine.toLowerCase()}-does-not-run-here.invalid`, db_user || name, "none", db_name || name];
  return {
    DATABASE_URL: declared.url(`${user}:${password}`, `${host}:${declared.port}`, database),
    HOSTNAME: host,
    PORT: String(declared.port),
    USERNAME: user,
    PASSWORD: password,
    DATABASE: database,
    CA_CERT: "",
  };
}
