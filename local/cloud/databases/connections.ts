import { type Cluster, type Pool, usersOf } from "./cluster.ts";

interface Login {
  readonly user: string;
  readonly password: string;
}

/** The connections of a cluster: public, private (VPC), and to its standby if it has one. */
export function viewConnections(cluster: Cluster) {
  const { admin, endpoint } = cluster;
  const login = { user: admin.name, password: admin.password };
  const at = (host: string) => connection(cluster, host, endpoint.port, cluster.engine === "pg" ? "defaultdb" : "", login);
  return {
    connection: at(endpoint.host),
    private_connection: at(endpoint.privateHost),
    ...(cluster.num_nodes > 1 && {
      standby_connection: at(standby(endpoint.host)),
      standby_private_connection: at(standby(endpoint.privateHost)),
    }),
  };
}

export function viewPool(cluster: Cluster, pool: Pool) {
  const { endpoint } = cluster;
  const at = (host: string) => connection(cluster, host, endpoint.poolPort, pool.name, loginOf(cluster, pool.user));
  return { ...pool, connection: at(endpoint.host), private_connection: at(endpoint.privateHost) };
}

/** Without a user, the login of a pool is empty: clients send their own name and password. */
export function loginOf(cluster: Cluster, name: string): Login {
  const user = usersOf(cluster).find((other) => other.name === name);
  return { user: name, password: user?.password ?? "" };
}

export function connection({ engine }: Pick<Cluster, "engine">, host: string, port: number, database: string, { user, password }: Login) {
  const protocol = engine === "pg" ? "postgresql" : "rediss";
  const path = engine === "pg" ? `/${database}?sslmode=require` : "";
  return { protocol, uri: `${protocol}://${user}:${password}@${host}:${port}${path}`, database, host, port, user, password, ssl: true };
}

/** Servers on this machine are addressed by IP or localhost and have no separate standby address. */
const standby = (host: string): string => (/^[\d.]+$|^localhost$/.test(host) ? host : `replica-${host}`);
