/** Secrets that are written in files, with the line that must be reported. In parts, because the audit reads this repository too. */

export interface Literal {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly rule: "token-in-repository" | "secret-in-stack-file";
}

/** None of them opens anything. */
const SECRET = ["Xk29f", "Lq8TzP1"].join("");
const RANDOM = ["hK3v9TqLx0aZ", "pW7n2MbYd4Rf8sJc6Ug1"].join("");

const HERE = "\u0001";

/** @param marked has HERE in the line that must be reported */
function planted(file: string, marked: string, rule: Literal["rule"] = "token-in-repository"): Literal {
  const text = marked.replaceAll(HERE, "");
  const line = marked.split("\n").findIndex((one) => one.includes(HERE)) + 1;
  return { name: `${file}: ${text.replaceAll("\n", " ").slice(0, 70)}`, file, text, line, rule };
}

const sql = (statement: string): Literal => planted("sql/001.sql", `-- A migration.\n\u0001${statement}\n`);
const stack = (line: string): Literal =>
  planted("Pulumi.test.yaml", `config:\n  shop:region: nyc1\n\u0001${line}\n`, "secret-in-stack-file");
const shell = (command: string): Literal => planted("deploy.sh", `#!/bin/sh\n\u0001${command}\n`);

export const LITERALS: readonly Literal[] = [
  // Passwords in SQL.
  sql(`CREATE ROLE shop LOGIN PASSWORD '${SECRET}';`),
  sql(`ALTER ROLE shop WITH ENCRYPTED PASSWORD '${SECRET}' VALID UNTIL 'infinity';`),
  sql(`alter user shop password E'${SECRET}';`),
  sql(`ALTER ROLE shop PASSWORD $$${SECRET}$$;`),
  sql(`ALTER ROLE shop PASSWORD $pw$${SECRET}$pw$;`),
  sql(`CREATE USER MAPPING FOR shop SERVER other OPTIONS (user 'shop', password '${SECRET}');`),
  sql(`ALTER USER MAPPING FOR shop SERVER other OPTIONS (SET password '${SECRET}');`),
  sql(`DO $$ BEGIN ALTER ROLE shop PASSWORD '${SECRET}'; END $$;`),
  sql(`DO $$ BEGIN EXECUTE 'ALTER ROLE shop PASSWORD ''${SECRET}'''; END $$;`),
  sql(`DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L', 'shop', '${SECRET}'); END $$;`),
  sql(`DO $$ BEGIN EXECUTE 'ALTER ROLE shop PASSWORD ' || quote_literal('${SECRET}'); END $$;`),
  sql(`SELECT dblink_connect('other', 'host=db port=5432 user=shop password=${SECRET}');`),
  sql(`SELECT * FROM dblink('dbname=shop password=${SECRET}', 'SELECT 1') AS t(x int);`),
  sql(`CREATE SUBSCRIPTION s CONNECTION 'host=db password=${SECRET}' PUBLICATION p;`),
  sql(`\\set password '${SECRET}'`),
  sql(`SET shop.password = '${SECRET}';`),
  sql(`SELECT set_config('shop.api_token', '${SECRET}', false);`),
  planted("sql/001.sql", `ALTER ROLE shop\n\u0001  PASSWORD\n  '${SECRET}';\n`),
  // Connection strings and command lines.
  shell(`psql "host=db port=5432 user=shop password=${SECRET} sslmode=verify-full"`),
  shell(`psql "host=db user=shop password='${SECRET}'"`),
  shell(`PGPASSWORD=${SECRET} pg_dump shop`),
  shell(`export PGPASSWORD="${SECRET}"`),
  shell(`mysql --user=shop --password=${SECRET} shop`),
  shell(`redis-cli -h cache -a ${SECRET} PING`),
  shell(`curl -u shop:${SECRET} https://api.shop.io/orders`),
  shell(`curl -H "Authorization: Bearer ${RANDOM}" https://api.shop.io/orders`),
  shell(`docker login -u shop -p ${SECRET} registry.shop.io`),
  shell(`REDISCLI_AUTH=${SECRET} redis-cli`),
  planted("appsettings.json", `{\n\u0001  "db": "Server=db;Database=shop;User Id=shop;Password=${SECRET};"\n}\n`),
  planted("jdbc.properties", `\u0001url=jdbc:postgresql://db.shop.io/shop?user=shop&password=${SECRET}\n`),
  planted(".env", `LOG_LEVEL=info\n\u0001DB_PASSWORD=${SECRET}\n`),
  planted(".npmrc", `\u0001//registry.shop.io/:_authToken=${RANDOM}\n`),
  planted("docker-compose.yml", `services:\n  db:\n    environment:\n\u0001      POSTGRES_PASSWORD: ${SECRET}\n`),
  planted("config.toml", `[db]\n\u0001password = "${SECRET}"\n`),
  planted("terraform.tfvars", `\u0001db_password = "${SECRET}"\n`),
  planted(".pgpass", `\u0001db.shop.io:5432:shop:shop:${SECRET}\n`),
  planted(".netrc", `\u0001machine api.shop.io login shop password ${SECRET}\n`),
  planted("src/db.ts", `const user = "shop";\n\u0001const password = "${SECRET}";\n`),
  // Tokens.
  planted("a.txt", `\u0001${["sk", "ant", "api03", RANDOM.repeat(3)].join("-")}\n`),
  planted("a.txt", `\u0001${["shpat", "0123456789abcdef8c5a7e21d4f6093b"].join("_")}\n`),
  planted("a.txt", `\u0001${["dckr", "pat", RANDOM].join("_")}\n`),
  planted("a.txt", `\u0001${["hf", `${RANDOM}aB`].join("_")}\n`),
  planted("a.txt", `\u0001${["glsa", RANDOM, "0a1b2c3d"].join("_")}\n`),
  planted("a.txt", `\u0001${["lin", "api", `${RANDOM}${RANDOM}`.slice(0, 40)].join("_")}\n`),
  planted("credentials", `\u0001aws_secret_access_key = ${["9uZk3VbQ2xTn7LwR5cYp", "8mHs1DfGj4KeA6oWiB0/"].join("")}\n`),
  // Stack files, under any key.
  stack(`  shop:stripe: ${RANDOM}`),
  stack(`  shop:signing: ${RANDOM}`),
  planted("Pulumi.test.yaml", `config:\n  shop:mail:\n    host: mail.shop.io\n\u0001    pass: ${SECRET}\n`, "secret-in-stack-file"),
  stack(`  shop:dsn: "host=db password=${SECRET}"`),
  stack(`  shop:password: abc123`),
  stack(`  shop:list: [nyc1, ${RANDOM}]`),
  stack(`  shop:json: '{"apiToken":"${SECRET}"}'`),
  stack(`  shop:url: https://shop:${SECRET}@api.shop.io`),
];
