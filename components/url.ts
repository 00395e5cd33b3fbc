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
  return url(
    "postgresql",
    connection,
    pulumi.output(database).apply((name) => `${encodeURIComponent(name)}?sslmode=verify-full`),
  );
}

/** `rediss`: TLS. `database` is the number that SELECT would take. */
export function valkeyUrl(connection: Connection, database: pulumi.Input<number>): pulumi.Output<string> {
  return url("rediss", connection, pulumi.output(database).apply(String));
}

/** One Output for the whole URL: a stack has some thirty of them, and each part as an Output of its own is felt in a plan. */
function url(scheme: string, connection: Connection, rest: pulumi.Input<string>): pulumi.Output<string> {
  const { host, port, user, password } = connection;
  const parts = pulumi.all([host, port, user, password, rest]);
  return pulumi.secret(
    parts.apply(
      ([at, number, name, word, path]) => `${scheme}://${encodeURIComponent(name)}:${encodeURIComponent(word)}@${at}:${number}/${path}`,
    ),
  );
}
