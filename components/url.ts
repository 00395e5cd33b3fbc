/** Connection URLs. Passwords may hold any character, so every part is encoded: a raw "#", "/" or "%41" would end up as another password. */
import * as pulumi from "@pulumi/pulumi";
import { programError } from "./errors.ts";

export interface Connection {
  /** "host:port". */
  address: pulumi.Input<string>;
  user: pulumi.Input<string>;
  /** Secret, and so is the URL. */
  password: pulumi.Output<string>;
}

/** `verify-full`: the server proves its name, too. DigitalOcean uses a CA of its own, so a client also needs the cluster's `ca`. */
export function postgresUrl(connection: Connection, database: pulumi.Input<string>): pulumi.Output<string> {
  return url("postgresql", connection, database, (name, at) => `${encoded(name, "database's name", at)}?sslmode=verify-full`);
}

/** `rediss`: TLS. `database` is the number that SELECT would take. */
export function valkeyUrl(connection: Connection, database: pulumi.Input<number>): pulumi.Output<string> {
  return url("rediss", connection, database, String);
}

function url<Database extends string | number>(
  scheme: string,
  { address, user, password }: Connection,
  database: pulumi.Input<Database>,
  path: (database: Database, at: string) => string,
): pulumi.Output<string> {
  return pulumi
    .all([address, user, password, database as pulumi.Input<string | number>])
    .apply(
      ([at, name, word, known]) =>
        `${scheme}://${encoded(name, "user", at)}:${encoded(word, "password", at)}@${at}/${path(known as Database, at)}`,
    );
}

/** Where a server listens, for all URLs that lead there. */
export function addressOf(host: pulumi.Output<string>, port: pulumi.Output<number>): pulumi.Output<string> {
  return pulumi.all([host, port]).apply(([name, number]) => `${name}:${number}`);
}

function encoded(text: string, what: string, at: string): string {
  if (!/\p{Surrogate}/u.test(text)) return encodeURIComponent(text);
  throw programError(
    `The ${what} for ${at} holds half of a character (a lone surrogate, U+D800 to U+DFFF), which neither a URL nor a database can carry. Give it another one.`,
  );
}
