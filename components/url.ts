/** Connection URLs. Passwords may hold any character, so every part is encoded: a raw "#", "/" or "%41" would end up as another password. */
import * as pulumi from "@pulumi/pulumi";

export interface Connection {
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  user: pulumi.Input<string>;
  password: pulumi.Input<string>;
}

/** `verify-full`: the server proves its name, too. DigitalOcean's CA is its own, so a client needs the cluster's `ca` beside this URL. */
export function postgresUrl(connection: Connection, database: pulumi.Input<string>): pulumi.Output<string> {
  return url("postgresql", connection, pulumi.interpolate`${encoded(database)}?sslmode=verify-full`);
}

/** `rediss`: TLS. `database` is the number that SELECT would take. */
export function valkeyUrl(connection: Connection, database: pulumi.Input<number>): pulumi.Output<string> {
  return url("rediss", connection, pulumi.interpolate`${database}`);
}

function url(scheme: string, { host, port, user, password }: Connection, rest: pulumi.Output<string>): pulumi.Output<string> {
  return pulumi.secret(pulumi.interpolate`${scheme}://${encoded(user)}:${encoded(password)}@${host}:${port}/${rest}`);
}

function encoded(part: pulumi.Input<string>): pulumi.Output<string> {
  return pulumi.output(part).apply(encodeURIComponent);
}
