/** What a component's variables lead to: the Postgres and Valkey URLs among them, each with the name it goes by. */

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

/** In the words of node-postgres, whatever driver the variable is meant for. */
export function postgresTargets(env: Env): PostgresTarget[] {
  return Object.entries(env).flatMap(([variable, value = ""]) => {
    if (!/^postgres(ql)?(\+\w+)?:\/\//.test(value)) return [];
    const url = new URL(value.replace(/^[\w+]+:/, "postgresql:"));
    const mode = url.searchParams.get("ssl");
    if (mode !== null) {
      url.searchParams.delete("ssl");
      url.searchParams.set("sslmode", mode);
      if (env.PGSSLROOTCERT) url.searchParams.set("sslrootcert", env.PGSSLROOTCERT);
    }
    return [{ variable, url: url.href }];
  });
}

export function valkeyTargets(env: Env): ValkeyTarget[] {
  return Object.entries(env).flatMap(([variable, value = ""]) => {
    if (!value.startsWith("rediss://")) return [];
    const { hostname: host, port, username: user, password, pathname } = new URL(value);
    const database = pathname.slice(1) || "0";
    return [{ variable, host, port: Number(port), user: decodeURIComponent(user), password: decodeURIComponent(password), database }];
  });
}
