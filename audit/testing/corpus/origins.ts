/** Where a planted secret comes from: code that declares `secret`, an Output of a text. */

export interface CorpusOrigin {
  readonly name: string;
  readonly code: string;
  /** The SDK or the provider marks it as secret. */
  readonly marked: boolean;
  /** Its text begins with a scheme and a user, which are public. */
  readonly isUrl?: boolean;
  /** Of a length that the program chooses, so that the length is no secret. */
  readonly knownLength?: boolean;
}

const CLUSTER = (engine: string) =>
  `const cluster = new digitalocean.DatabaseCluster("db", { name: "db", engine: "${engine}", version: "8", region: "nyc1", size: "db-s-1vcpu-1gb", nodeCount: 1 });
  new digitalocean.DatabaseFirewall("wall", { clusterId: cluster.id, rules: [{ type: "ip_addr", value: "203.0.113.10" }] });`;

export const ORIGINS: readonly CorpusOrigin[] = [
  { name: "a setting of an operator", marked: true, code: `const secret = new pulumi.Config("shop").requireSecret("stripe");` },
  { name: "the password of a cluster", marked: true, code: `${CLUSTER("pg")}\n  const secret = cluster.password;` },
  { name: "the URI of a cluster", marked: true, isUrl: true, code: `${CLUSTER("pg")}\n  const secret = cluster.uri;` },
  { name: "the private URI of a cluster", marked: true, isUrl: true, code: `${CLUSTER("pg")}\n  const secret = cluster.privateUri;` },
  { name: "the URI of Valkey", marked: true, isUrl: true, code: `${CLUSTER("valkey")}\n  const secret = cluster.uri;` },
  {
    name: "a generated password",
    marked: true,
    knownLength: true,
    code: `const secret = new random.RandomPassword("generated", { length: 40 }).result;`,
  },
  {
    name: "a Spaces key",
    marked: true,
    code: `const secret = new digitalocean.SpacesKey("key", { name: "key", grants: [{ bucket: "files", permission: "read" }] }).secretKey;`,
  },
  {
    name: "an output of another stack",
    marked: true,
    code: `const secret = new pulumi.StackReference("organization/other/prod").requireOutput("apiToken") as pulumi.Output<string>;`,
  },
  {
    name: "a result of a provider's function",
    marked: false,
    code: `const secret = digitalocean.getDatabaseClusterOutput({ name: "db" }).password;`,
  },
];
