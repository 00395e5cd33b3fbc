import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryFaults } from "../../audit/files/repository.ts";
import { shapesIn } from "../../audit/shapes.ts";
import { looksSecret, namesSecret } from "../../catalog/secrets.ts";
import type { PlannedResource } from "../../engine/plan.ts";
import { maskSecretPatterns } from "../../engine/secret-patterns.ts";
import { policies } from "../../policy/pack.ts";
import { judge } from "../../policy/testing/judge.ts";
import { complaint, harbour } from "../../settings/testing/fixture.ts";
import { checkSystem, DefinitionError } from "../../systems/check.ts";
import { env, type System } from "../../systems/definition.ts";

/** No token is written in one piece, because the audit reads this repository too. */
const TOKENS: readonly (readonly [what: string, ...parts: string[]])[] = [
  ["a DigitalOcean token", "dop", "_v1_0123456789abcdef8c5a7e21d4f6093b0123456789abcdef8c5a7e21d4f6093b"],
  ["a DigitalOcean database password", "AVNS", "_kT9xL2mQ8vR4zW7p"],
  ["an encrypted variable of App Platform", "EV", "[1:hK3v9TqLx0aZ:pW7n2MbYd4Rf8sJc6Ug1Ei5o]"],
  ["a Spaces key", "DO", "00ABCDEFGH23456789"],
  ["a Pulumi token", "pul", "-0123456789abcdef8c5a7e21d4f6093b01234567"],
  ["a GitHub token", "ghp", "_7Jq2fXkT0bW9vRz4LmN8sYc1DhUe5GaP3oBi"],
  ["a GitHub token", "github", "_pat_11ABCDEFG0QQhK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2y"],
  ["a GitLab token", "glpat", "-hK3v9TqLx0aZpW7n2MbY"],
  ["a Slack webhook", "https://hooks.slack", ".com/services/T0A1B2C3D4/B0E5F6G7H8/aZ9bY8cX7dW6eV5fU4gT3hS2"],
  ["a Slack token", "xoxb", "-123456789012-hK3v9TqLx0aZpW7n"],
  ["an AWS access key", "AKIA", "IOSFODNN7QWERTYU"],
  ["a Stripe key", "sk_live", "_hK3v9TqLx0aZpW7n2MbYd4Rf"],
  ["a Google API key", "AIza", "SyhK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1E"],
  ["a Google OAuth client secret", "GOCSPX", "-hK3v9TqLx0aZpW7n2MbYd4Rf8sJc"],
  ["an npm token", "npm", "_hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5o"],
  ["a SendGrid key", "SG", ".hK3v9TqLx0aZpW7n2MbYd4.Rf8sJc6Ug1Ei5oX2yhK3v9TqLx0aZpW7n2MbYd4Rf8s"],
  ["an OpenAI key", "sk", "-proj-hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2y"],
  ["an AWS access key", "ASIA", "IOSFODNN7QWERTYU"],
  ["an OpenAI key", "sk", "-ant-api03-hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2yhK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2yhK3v9TqLxAA"],
  ["a Slack token", "xapp", "-1-A0B1C2D3E4-hK3v9TqLx0aZpW7n"],
  ["a GitHub token", "ghs", "_hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5o"],
  ["a Shopify token", "shpat", "_0123456789abcdef8c5a7e21d4f6093b"],
  ["a Docker Hub token", "dckr", "_pat_hK3v9TqLx0aZpW7n2MbYd4Rf8sJ"],
  ["a Hugging Face token", "hf", "_hKTqLxaZpWnMbYdRfsJcUgEioXyhKTqLxA"],
  ["a Grafana token", "glsa", "_hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1_8c5a7e21"],
  ["a Grafana token", "glc", "_hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1"],
  ["a Linear key", "lin", "_api_hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2yh"],
  ["a Vercel or Supabase token", "vcp", "_hK3v9TqLx0aZpW7n2MbYd4Rf"],
  ["a Databricks token", "dapi", "0123456789abcdef8c5a7e21d4f6093b"],
  ["a Groq key", "gsk", "_hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2yhK3v9TqLx0aZp"],
  ["a Notion token", "ntn", "_12345678901hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5"],
  ["a Vault token", "hvs", ".hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2yhK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2yhK3v9TqLx0aZp"],
  ["a Figma token", "figd", "_hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2yh"],
  ["a Cloudflare token", "cfat", "_hK3v9TqLx0aZpW7n2MbYd4Rf8sJc6Ug1Ei5oX2yh8c5a7e21"],
  ["a Tailscale key", "tskey", "-auth-k3v9TqLx0aZp-W7n2MbYd4Rf8sJc6Ug1Ei5o"],
  ["a private key", "-----BEGIN ", "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----"],
  ["a signed token", "eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"],
  ["a URL with a password", "postgresql", "://doadmin:Xk29fLq8TzP1@db-1.ondigitalocean.com:25060/defaultdb"],
];

const HARMLESS = [
  "https://harbour.example.com/a/long/path?with=parameters",
  "registry.digitalocean.com/acme/slipway:1.0.0",
  "info",
  "/etc/ssl/certs/ca.pem",
  "us-east-1",
  "30000",
];

describe.each(TOKENS)("%s", (what, ...parts) => {
  const token = parts.join("");

  it("is refused as a plain value in a definition, and not repeated", () => {
    const message = refusalOf(withVariable("GREETING", token));
    expect(message).toContain("looks like a secret");
    expect(message).not.toContain(token);
  });

  it("is masked in a plan", () => {
    const end = token.slice(-12);
    expect(maskSecretPatterns(`before ${token} after`)).toMatch(/^before [\s\S]*\[secret\][\s\S]*after$/);
    if (what !== "a URL with a password") expect(maskSecretPatterns(`before ${token} after`)).not.toContain(end);
  });

  it("is reported by an audit", () => {
    expect(shapesIn(`before ${token} after`)).toEqual([{ what, index: 7 }]);
  });

  it("is not repeated by a message about settings", () => {
    const message = complaint({ region: token });
    expect(message).toContain("slipway:region is not shown here, because it may be a secret");
    expect(message).not.toContain(token.slice(-12));
  });
});

it.each(HARMLESS)("%s is a secret for no room", (text) => {
  expect(looksSecret(text)).toBe(false);
  expect(maskSecretPatterns(text)).toBe(text);
  expect(shapesIn(text)).toEqual([]);
});

const SECRET_NAMES = [
  "JWT_SECRET",
  "ADMIN_PASSWORD",
  "PGPASSWORD",
  "GITHUB_TOKEN",
  "API_KEY",
  "OPENAI_APIKEY",
  "STRIPE_PRIVATE_KEY",
  "AWS_ACCESS_KEY_ID",
  "SECRET_KEY",
  "SECRET_KEY_BASE",
  "STRIPE_SECRET_LIVE",
  "SLACK_WEBHOOK_URL",
  "GOOGLE_CREDENTIALS",
  "SSH_PASSPHRASE",
  "TOKENS",
];

const OTHER_NAMES = [
  "LOG_LEVEL",
  "ACCESS_TOKEN_TTL",
  "JWT_SECRET_EXPIRES_IN",
  "PASSWORD_MIN_LENGTH",
  "PASSWORD_FILE",
  "PUBLIC_KEY",
  "GOOGLE_CLIENT_ID",
  "MONKEY",
  "TOKENIZER",
  "KEYSPACE",
];

/** Whether each room takes a variable of this name, with a value that looks like none, for a secret. */
const ROOMS: Readonly<Record<string, (name: string) => boolean | Promise<boolean>>> = {
  "the catalog": namesSecret,
  "a definition, with a random value": (name) => {
    try {
      checkSystem(withVariable(name, "0123456789abcdef0123456789abcdef"));
      return false;
    } catch (error) {
      if (error instanceof DefinitionError) return error.message.includes("looks like a secret");
      throw error;
    }
  },
  "the policy pack": async (name) =>
    (await judge({ resources: [appWith(name)] }, policies)).some(({ policy }) => policy === "app-secret-encrypted"),
  "the audit of a stack's file": (name) => auditsStackFile(`shop:${name}`),
  "the audit of a stack's file, in camel case": (name) => auditsStackFile(`shop:${camelCase(name)}`),
};

describe.each(Object.entries(ROOMS))("%s", (_, isSecret) => {
  it.each(SECRET_NAMES)("takes %s for a secret", async (name) => {
    expect(await isSecret(name)).toBe(true);
  });

  it.each(OTHER_NAMES)("does not take %s for a secret", async (name) => {
    expect(await isSecret(name)).toBe(false);
  });
});

function withVariable(name: string, value: string): System {
  const system = structuredClone(harbour) as unknown as { apps: { web: { components: { api: { env: Record<string, unknown> } } } } };
  system.apps.web.components.api.env[name] = env.plain(value);
  return system as unknown as System;
}

function refusalOf(system: System): string {
  try {
    checkSystem(system);
  } catch (error) {
    if (error instanceof DefinitionError) return error.message;
    throw error;
  }
  throw new Error("The definition was accepted.");
}

function appWith(key: string): PlannedResource {
  return {
    urn: "urn:pulumi:prod::shop::digitalocean:index/app:App::shop",
    type: "digitalocean:index/app:App",
    name: "shop",
    custom: true,
    read: false,
    inputs: { spec: { services: [{ name: "api", healthCheck: { httpPath: "/" }, envs: [{ key, value: "x", scope: "RUN_TIME" }] }] } },
    dependencies: [],
    propertyDependencies: {},
    options: {},
  };
}

function auditsStackFile(key: string): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), "slipway-names-"));
  try {
    writeFileSync(path.join(folder, "Pulumi.prod.yaml"), `config:\n  ${key}: plain-value\n`);
    return repositoryFaults(folder).some(({ rule }) => rule === "secret-in-stack-file");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
