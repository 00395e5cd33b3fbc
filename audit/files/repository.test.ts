/** What the audit reads apart from the plan: the program's source, the repository's files, SQL, and suppressions. */
import { describe, expect, it } from "vitest";
import { findProject } from "../../engine/project.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { audit } from "../audit.ts";
import { rulesOf, TODAY, withProject } from "../testing/programs.ts";
import { sqlFaults } from "./roles.ts";

const auditOf = (files: Readonly<Record<string, string>>, today = TODAY) =>
  withProject(files, (directory) => audit(findProject(directory), { stack: "test", today }));

/** Where `lines` stand in a program that is otherwise right. */
const program = (lines: string, above = "") => ({
  "index.ts": `import * as pulumi from "@pulumi/pulumi";
${above}
export default function shop() {
  const config = new pulumi.Config("shop");
  ${lines}
  return { stripe: config.requireSecret("stripe") };
}
`,
});

/** Nothing that stands here is written as it would be in a file: the audit reads this repository, too. */
const joined = (...parts: readonly string[]) => parts.join("");
const HEX = "0123456789abcdef8c5a7e21d4f6093b";

describe("a project", () => {
  it("without a fault has no finding", async () => {
    expect((await auditOf({})).findings).toEqual([]);
  });
});

describe("the source of a program", () => {
  it.each([
    [
      "a mark that is taken off where no run comes by",
      ["unsecret"],
      program(`if (config.get("never")) pulumi.unsecret(config.requireSecret("stripe"));`),
    ],
    ["a secret that is read with require", ["config-require"], program(`if (config.get("never")) config.require("stripe");`)],
    [
      "a secret that is read with getObject",
      ["config-require"],
      program(`if (config.get("never")) config.getObject<{ a: string }>("stripe");`),
    ],
    ["a secret in the source", ["secret-literal"], program(`if (config.get("never")) pulumi.secret("correct-horse-battery");`)],
    ["a client that takes any certificate", ["tls-not-verified"], program(`const ssl = { rejectUnauthorized: false }; void ssl;`)],
    [
      "a mark that is taken off in a file that is imported",
      ["unsecret"],
      {
        ...program("open;", `import { open } from "./lib/open.ts";`),
        "lib/open.ts": `import { unsecret } from "@pulumi/pulumi";\nexport const open = (it: string) => unsecret(it);\n`,
      },
    ],
  ])("is read for %s", async (_, rules, files) => {
    const { findings } = await auditOf(files);
    expect(rulesOf({ findings })).toEqual(rules);
    expect(findings[0]!.source).toMatchObject({ file: expect.stringMatching(/\.ts$/), line: expect.any(Number) });
  });

  it("that reads a secret as a plain value has no proof for it", async () => {
    const { declared, proofs } = await auditOf(program(`if (config.get("never")) config.require("stripe");`));
    expect({ declared, proofs }).toEqual({ declared: ["shop:stripe"], proofs: [] });
  });

  it("can mention a secret in a comment, and read plain settings", async () => {
    const files = program(
      `// never unsecret(it), never config.require("stripe")\n  void config.get("region"); /* rejectUnauthorized: false */`,
    );
    expect((await auditOf(files)).findings).toEqual([]);
  });
});

describe("a secret deep in an object of a stack's file", () => {
  const files = {
    ...program(`const mail = config.requireObject<{ host: string; password: string }>("mail");
  pulumi.log.info(mail.host + " " + mail.password);`),
    "Pulumi.test.yaml":
      "config:\n  shop:stripe:\n    secure: v1:abc:def\n  shop:mail:\n    host: mail.example\n    password:\n      secure: v1:abc:xyz\n",
  };

  it("is traced by its own path, and the plain value next to it is not", async () => {
    const { findings } = await auditOf(files);
    expect(findings.map(({ rule, secret }) => [rule, secret]).sort()).toEqual([
      ["config-require", "shop:mail"],
      ["secret-in-log", "shop:mail.password"],
    ]);
  });
});

describe("a program that declares its resources while it loads", () => {
  it("is traced in its only run, with a note of the checks that need a second run", async () => {
    const index = `import * as pulumi from "@pulumi/pulumi";\nexport const stripe = pulumi.unsecret(new pulumi.Config("shop").requireSecret("stripe"));\n`;
    const { findings, notes } = await auditOf({ "index.ts": index });
    expect(rulesOf({ findings })).toEqual(["secret-in-output", "unsecret"]);
    expect(notes).toEqual([
      expect.stringMatching(/^Values computed from secrets were not searched, .*declares its resources while it loads/),
    ]);
  });
});

describe("a repository's files", () => {
  it.each([
    ["a DigitalOcean token", "notes.md", joined("the token is dop", "_v1_", HEX, HEX)],
    [
      "a database's URL",
      ".env.example",
      joined("DATABASE_URL=postgres", "://doadmin:", "Xk29fLq8TzP1@db-1.ondigitalocean.com:25060/defaultdb"),
    ],
    ["a Valkey's URL", "docker-compose.yml", joined("REDIS: rediss", "://default:", "Xk29fLq8TzP1@cache:6380")],
    ["a sealed variable", "app.yaml", joined("value: EV", "[1:", "hK3v9TqLx0aZ:pW7n2MbYd4Rf8sJc6Ug1Ei5o", "]")],
    ["a password of DigitalOcean's", "seed.sh", joined("PGPASSWORD=AVNS", "_kT9xL2mQ8vR4zW7p")],
    ["a private key", "key.pem", joined("-----BEGIN ", "PRIVATE KEY-----\n", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7", "\n")],
    ["a password in SQL", "roles.sql", joined("CREATE ROLE shop LOGIN PASS", "WORD 'Xk29fLq8TzP1';")],
    [
      "a Slack webhook",
      "alerts.ts",
      joined("const to = 'https://hooks.slack", ".com/services/T0A1B2C3D4/B0E5F6G7H8/aZ9bY8cX7dW6eV5fU4gT3hS2';"),
    ],
  ])("are read for %s", async (_, name, text) => {
    const { findings } = await auditOf({ [name]: text });
    expect(rulesOf({ findings })).toEqual(["token-in-repository"]);
    expect(findings[0]!.source).toEqual({ file: name, line: 1 });
    expect(JSON.stringify(findings)).not.toContain(text.slice(-12));
  });

  it("have no finding for examples and placeholders", async () => {
    const files = {
      "README.md": joined(
        "postgres",
        "://user:password@localhost/db and rediss",
        "://default:${PASSWORD}@cache:6380, postgres",
        "://u:Xk29fLq8TzP1@db.example.com/x",
      ),
      "code.ts": joined("const url = `postgresql", "://${user}:${password}@${host}/x`; // dop", "_v1_ and 64 more"),
    };
    expect((await auditOf(files)).findings).toEqual([]);
  });

  it("have a finding with its line for a secret in plain text in a stack's file, also inside of an object", async () => {
    const stack =
      "config:\n  shop:stripe:\n    secure: v1:abc:def\n  shop:mail:\n    host: mail.example\n    password: plain-and-simple\n  shop:apiToken: not-encrypted\n";
    const { findings } = await auditOf({ "Pulumi.test.yaml": stack });
    expect(findings.map(({ rule, secret, source }) => [rule, secret, source?.line])).toEqual([
      ["secret-in-stack-file", "shop:apiToken", 7],
      ["secret-in-stack-file", "shop:mail.password", 6],
    ]);
  });
});

describe("SQL", () => {
  const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" };
  const rules = (sql: string) => sqlFaults("sql/shop/001.sql", sql, roles).map(({ rule }) => rule);

  it.each([
    ["makes a superuser", "ALTER ROLE shop SUPERUSER;", "role-too-strong"],
    ["lets a role make roles", "CREATE ROLE helper LOGIN CREATEROLE;", "role-too-strong"],
    ["grants every right", "GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA public TO shop;", "role-too-strong"],
    ["lets everybody write", "GRANT SELECT, INSERT ON orders TO PUBLIC;", "role-too-strong"],
    ["lets a role pass its rights on", "GRANT SELECT ON orders TO shop WITH GRANT OPTION;", "role-too-strong"],
    ["makes the application a member of the owner", "GRANT shop_owner TO shop;", "role-too-strong"],
    ["gives a table to the application", "ALTER TABLE orders OWNER TO shop;", "role-too-strong"],
    ["does so in a block", "DO $$ BEGIN IF true THEN GRANT ALL ON orders TO shop; END IF; END $$;", "role-too-strong"],
    ["lets the read-only role write", "GRANT SELECT, UPDATE ON orders TO shop_readonly;", "readonly-writes"],
    [
      "lets it write what is to come",
      'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT ON TABLES TO "shop_readonly";',
      "readonly-writes",
    ],
    ["lets the backup role write", "GRANT TRUNCATE ON orders TO shop_backup;", "readonly-writes"],
  ])("that %s is found", (_, sql, rule) => {
    expect(rules(sql)).toEqual([rule]);
  });

  it("that grants what a role needs has no finding", () => {
    expect(
      rules(`-- GRANT ALL ON orders TO shop;
GRANT SELECT ON orders TO shop_readonly, shop_backup; GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO shop;
ALTER ROLE shop NOSUPERUSER NOCREATEDB; ALTER TABLE orders OWNER TO shop_owner; GRANT EXECUTE ON FUNCTION f() TO PUBLIC;
COMMENT ON TABLE orders IS 'GRANT ALL ON orders TO shop;';`),
    ).toEqual([]);
  });
});

describe("a suppression", () => {
  const leak = { ".env": joined("TOKEN=AVNS", "_kT9xL2mQ8vR4zW7p") };
  const suppress = (...lines: readonly string[]) => ({
    ...leak,
    ".slipway-audit.yaml": `suppress:\n  - rule: token-in-repository\n${lines.map((line) => `    ${line}\n`).join("")}`,
  });
  const REASON = "reason: it is the password of a cluster that is gone";

  it("with a reason and a last day hides its finding and is listed", async () => {
    const { findings, suppressed } = await auditOf(suppress("place: .env", REASON, 'until: "2026-12-31"'));
    expect(findings).toEqual([]);
    expect(suppressed).toMatchObject([{ finding: { rule: "token-in-repository" }, until: "2026-12-31" }]);
  });

  it("selects by fingerprint, or by a place with wildcards", async () => {
    const [found] = (await auditOf(leak)).findings;
    expect((await auditOf(suppress(`fingerprint: ${found!.fingerprint}`, REASON, 'until: "2026-12-31"'))).findings).toEqual([]);
    expect((await auditOf(suppress('place: "*env"', REASON, 'until: "2026-12-31"'))).findings).toEqual([]);
  });

  it.each([
    ["without a reason", ["place: .env", 'until: "2026-12-31"'], "has no reason"],
    ["without a last day", ["place: .env", REASON], "has no last day"],
    ["after its last day", ["place: .env", REASON, 'until: "2026-11-20"'], "ended on 2026-11-20"],
  ])("%s hides nothing, and is a finding itself", async (_, lines, says) => {
    const { findings, suppressed } = await auditOf(suppress(...lines));
    expect(rulesOf({ findings })).toEqual(["suppression-invalid", "token-in-repository"]);
    expect(findings.find(({ rule }) => rule === "suppression-invalid")).toMatchObject({
      message: expect.stringContaining(says),
      source: { file: ".slipway-audit.yaml", line: 2 },
    });
    expect(suppressed).toEqual([]);
  });

  it("that hides nothing is reported", async () => {
    const { findings, notes } = await auditOf(suppress("place: other.env", REASON, 'until: "2026-12-31"'));
    expect(rulesOf({ findings })).toEqual(["token-in-repository"]);
    expect(notes).toEqual([expect.stringMatching(/^\.slipway-audit\.yaml:2: suppresses no finding/)]);
  });

  it.each([
    ["that is not YAML", "suppress: [", /:1: not YAML/],
    ["that is not a list", "suppress: all", /:1: the file needs a list called "suppress"/],
    ["of a rule that does not exist", "suppress:\n  - rule: everything\n    place: '*'", /:2: unknown rule "everything"/],
    ["without a place", "suppress:\n  - rule: unsecret\n    reason: because", /:2: a suppression needs a fingerprint or a place/],
    ["with a key that does not exist", "suppress:\n  - rule: unsecret\n    file: x", /:2: unknown key "file"/],
  ])("%s is refused with its line and an example", async (_, text, says) => {
    await expect(auditOf({ ".slipway-audit.yaml": text })).rejects.toThrow(says);
    await expect(auditOf({ ".slipway-audit.yaml": text })).rejects.toThrow(ProjectError);
  });
});
