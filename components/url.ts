/** Connection URLs. Passwords may hold any character, so every part is encoded: a raw "#", "/" or "%41" would end up as another password. */
import * as pulumi from "@pulumi/pulumi";
import { mistakeIn } from "./mistake.ts";

export interface Connection {
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  user: pulumi.Input<string>;
  password: pulumi.Input<string>;
}

/** `verify-full`: the server proves its name, too. DigitalOcean's CA is its own, so a client needs the cluster's `ca` beside this URL. */
export function postgresUrl(connection: Connection, database: pulumi.Input<string>): pulumi.Output<string> {
  return url("postgresql", connection, database, (name, host) => `${encoded(name, "database's name", host)}?sslmode=verify-full`);
}

/** `rediss`: TLS. `database` is the number that SELECT would take. */
export function valkeyUrl(connection: Connection, database: pulumi.Input<number>): pulumi.Output<string> {
  return url("rediss", connection, database, String);
}

/** One Output for the whole URL: a stack has some thirty of them, and each part as an Output of its own is felt in a plan. */
function url<Database extends string | number>(
  scheme: string,
  { host, port, user, password }: Connection,
  database: pulumi.Input<Database>,
  path: (database: Database, host: string) => string,
): pulumi.Output<string> {
  const parts = pulumi.all([host, port, user, password, database as pulumi.Input<string | number>]);
  return pulumi.secret(
    parts.apply(
      ([at, number, name, word, known]) =>
        `${scheme}://${encoded(name, "user", at)}:${encoded(word, "password", at)}@${at}:${number}/${path(known as Database, at)}`,
    ),
  );
}

function encoded(text: string, what: string, host: string): string {
  if (!/\p{Surrogate}/u.test(text)) return encodeURIComponent(text);
  throw mistakeIn(
    `The ${what} for ${host} holds half of a character (a lone surrogate, U+D800 to U+DFFF), which neither a URL nor a database can carry. Give it another one.`,
  );
}
