/** Edits that resemble a leak and are none: each must have no finding, and must not end the program. */

export interface Harmless {
  readonly name: string;
  /** Statements of the program. */
  readonly code?: string;
  /** Other files of the repository. */
  readonly files?: Readonly<Record<string, string>>;
}

const variable = (key: string, value: string): Harmless => ({
  name: `variable ${key}=${value}`,
  code: app(`{ key: "${key}", value: ${JSON.stringify(value)}, scope: "RUN_TIME" }`),
});

const file = (name: string, text: string): Harmless => ({ name: `${name}: ${text.slice(0, 60)}`, files: { [name]: text } });

/** `stripe` is a secret, and passed as it should be. */
const app = (env: string) =>
  `new digitalocean.App("shop", { spec: { name: "shop", region: "nyc", services: [{ name: "api", image: { registryType: "DOCKER_HUB", registry: "library", repository: "nginx", tag: "1" }, envs: [STRIPE, ${env}] }] } });`;

const code = (name: string, statements: string): Harmless => ({ name, code: `${app("LOG_LEVEL")}\n  ${statements}` });

const SHA = "9fceb02d0ae598e95dc970b74767f19372d61af8";
const SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export const HARMLESS: readonly Harmless[] = [
  // Names that contain the word for a secret, and describe one.
  variable("PASSWORD_MIN_LENGTH", "12"),
  variable("TOKEN_TTL_SECONDS", "3600"),
  variable("CSRF_TOKEN_HEADER", "x-csrf-token"),
  variable("CSRF_COOKIE_NAME", "csrf_token"),
  variable("JWT_ISSUER", "https://shop.example"),
  variable("JWT_ALGORITHM", "HS256"),
  variable("SECRET_ROTATION_DAYS", "90"),
  variable("PASSWORD_RESET_URL", "https://shop.example/reset"),
  variable("TOKEN_BUCKET_SIZE", "100"),
  variable("API_KEY_HEADER", "x-api-key"),
  variable("WEBHOOK_TIMEOUT_MS", "5000"),
  variable("PASSWORD_HASH_ROUNDS", "12"),
  variable("MAX_TOKENS", "4096"),
  variable("SESSION_SECRET_FILE", "/run/secrets/session"),
  variable("PASSWORD_POLICY", "strict"),
  variable("TOKEN_ENDPOINT", "https://login.example/oauth/token"),
  // Values that look random, and are public.
  variable("GIT_COMMIT", SHA),
  variable("IMAGE_DIGEST", `sha256:${SHA256}`),
  variable("CLIENT_ID", "8f14e45f-ceea-467f-a0e6-9d1c2b3a4d5e"),
  variable("TRACKING_ID", "G-1A2B3C4D5E"),
  variable("BUILD_ID", "20261121.4"),
  variable("DATABASE_URL", "postgresql://${db.USERNAME}:${db.PASSWORD}@${db.HOSTNAME}:${db.PORT}/shop?sslmode=verify-full"),
  variable("DOCS_URL", "https://shop.example/docs#authentication"),
  variable("PUBLIC_KEY", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="),
  variable("VAPID_PUBLIC_KEY", "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"),
  variable("FEATURE_FLAGS", `{"checkout":true,"tokens":false}`),
  // Files with documented examples, and with values that are no secrets.
  file("docs/aws.md", "The access key id looks like AKIAIOSFODNN7EXAMPLE.\n"),
  file("docs/aws-secret.md", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"),
  file("README.md", "Set DATABASE_URL=postgresql://user:password@localhost:5432/shop\n"),
  file("docs/connect.md", "psql postgresql://shop:hunter2@db.example.com/shop\n"),
  file("docs/sql.md", "CREATE ROLE shop PASSWORD '<password>';\n"),
  file("sql/roles.sql", "ALTER ROLE shop PASSWORD NULL;\n"),
  file("sql/variable.sql", "ALTER ROLE shop PASSWORD :'password';\n"),
  file("sql/format.sql", "DO $$ BEGIN EXECUTE format('ALTER ROLE shop PASSWORD %L', current_setting('shop.password')); END $$;\n"),
  file("sql/column.sql", "ALTER TABLE users ADD COLUMN password_hash text NOT NULL DEFAULT '';\n"),
  file("sql/user.sql", "SELECT * FROM users WHERE password = $1;\n"),
  file("deploy.sh", 'psql "host=db port=5432 password=$PGPASSWORD sslmode=verify-full"\n'),
  file("backup.sh", "PGPASSWORD=$(cat /run/secrets/pg) pg_dump shop\n"),
  file(".github/workflows/ci.yml", "env:\n  TOKEN: ${{ secrets.GITHUB_TOKEN }}\n  PGPASSWORD: postgres\n"),
  file("keys/id_ed25519.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE ops@shop\n"),
  file(
    "keys/public.pem",
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
  ),
  file(
    "keys/ca.pem",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUZ9w7lshQhqowtrbLDFw4rXAxZuEwCgYIKoZIzj0EAwIw\n-----END CERTIFICATE-----\n",
  ),
  file("package-lock.json", `{ "packages": { "a": { "integrity": "sha512-${"Ab9".repeat(28)}==" } } }\n`),
  file("checksums.txt", `${SHA256}  shop.tar.gz\n`),
  file(".gitmodules", `[submodule "x"]\n  url = https://github.com/shop/x.git\n`),
  file("commits.txt", `${SHA} Rotate the signing secret\n`),
  file("Pulumi.dev.yaml", "config:\n  shop:passwordMinLength: 16\n  shop:tokenTtlSeconds: 900\n  shop:region: nyc1\n"),
  file("Pulumi.next.yaml", `config:\n  shop:image: ghcr.io/shop/api@sha256:${SHA256}\n  shop:commit: ${SHA}\n`),
  file("Pulumi.test.yaml", "config:\n  shop:stripe:\n    secure: v1:abcdefgh:ijklmnopqrstuvwxyz0123456789==\n"),
  file("Pulumi.url.yaml", "config:\n  shop:webhookUrl: https://shop.example/hooks\n  shop:tokenUrl: https://login.example/token\n"),
  file("src/config.ts", `export const header = "x-csrf-token";\nexport const passwordPattern = /^.{12,}$/;\n`),
  file("src/uuid.ts", `export const NAMESPACE = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";\n`),
  file("docs/jwt.md", "Send it as: Authorization: Bearer <token>\n"),
  file("docker-compose.yml", "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?set it}\n"),
  // Statements that touch a secret, and reveal nothing.
  code("the name of a setting in a log", `pulumi.log.info("shop:stripe is set");`),
  code("the mask of a secret in a log", `secret.apply(() => console.log("shop:stripe: [secret]"));`),
  code("a secret compared", `secret.apply((it) => { if (it.length === 0) throw new Error("shop:stripe is empty"); });`),
  code(
    "a hash that stays marked",
    `new digitalocean.Certificate("cert", { name: "cert", type: "custom", privateKey: secret.apply((it) => createHash("sha256").update(it).digest("hex")), leafCertificate: "x" });`,
  ),
  code("the clock in a log", "console.log(new Date().toISOString());"),
  code("chance in a log", "console.log(Math.random());"),
  code("a file that is read", `fs.readFileSync(new URL(import.meta.url), "utf8");`),
  code("a process without a secret", `spawnSync("true", ["--version"]);`),
  code("a name with a random part", `new random.RandomId("suffix", { byteLength: 4 });`),
  code("a secret compressed in memory", "secret.apply((it) => gzipSync(it).length > 0);"),
  code("the number of a port", `net.isIP("203.0.113.10");`),
];

export function harmlessProgram({ code: statements = app("LOG_LEVEL") }: Harmless): string {
  return `import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import { gzipSync } from "node:zlib";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

export default function program() {
  const secret = new pulumi.Config("shop").requireSecret("stripe");
  const STRIPE = { key: "STRIPE", value: secret, scope: "RUN_TIME", type: "SECRET" };
  const LOG_LEVEL = { key: "LOG_LEVEL", value: "info", scope: "RUN_TIME" };
  ${statements}
}
`;
}
