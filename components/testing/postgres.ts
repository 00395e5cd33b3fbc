/** The least that a Postgres component takes, for the tests of it and of its arguments. */
import { Postgres, type PostgresArgs } from "../postgres.ts";

const NETWORK = { id: "vpc-id", cidr: "10.20.0.0/20" };
export const ADOPTED = "49f4dc39-0000-4000-8000-000000000001";
export const SMALL: PostgresArgs = {
  network: NETWORK,
  region: "nyc3",
  major: "17",
  size: "db-s-1vcpu-2gb",
  databases: { shop: { users: ["shop"] } },
};

export const make = (args: PostgresArgs) => () => void new Postgres("orders", args);
