import { describe, expect, it } from "vitest";
import { EXACT_TOKENS, hasLogin, isDatabaseLogin, LOOSE_TOKENS, looksSecret, namesSecret } from "./secrets.ts";
import { findPublicExcess } from "./trusted-sources.ts";

/** In two parts, because the audit reads this repository too. */
const PREFIXES: readonly (readonly [string, string])[] = [
  ...["dop", "doo", "dor"].map((kind) => [kind, "_v1_"] as const),
  ["AVNS", "_"],
  ["EV", "[1:"],
  ["DO0", "00"],
  ["DO8", "00"],
  ["pul", "-"],
  ...["ghp", "gho", "ghs", "ghu", "ghr"].map((kind) => [kind, "_"] as const),
  ["github", "_pat_"],
  ["glpat", "-"],
  ["https://hooks.slack", ".com/"],
  ...["xoxb", "xoxp"].map((kind) => [kind, "-"] as const),
  ["AK", "IA"],
  ...["sk", "rk"].flatMap((kind) => [[kind, "_live_"] as const, [kind, "_test_"] as const]),
  ["AI", "za"],
  ["GOC", "SPX-"],
  ["npm", "_"],
  ["SG", "."],
  ["shp", "at_"],
  ["dckr", "_pat_"],
  ["hf", "_"],
  ["gl", "sa_"],
  ["lin", "_api_"],
  ["sb", "p_"],
  ["ATA", "TT3"],
  ["dap", "i"],
  ["gs", "k_"],
  ["nt", "n_"],
  ["hv", "s."],
  ["fig", "d_"],
  ["cf", "at_"],
  ["tsk", "ey-"],
  ["sk", "-"],
  ["-----BEGIN ", "RSA PRIVATE KEY-----"],
  ["-----BEGIN ", "PRIVATE KEY-----"],
  ["eyJ", "abcdefgh."],
];

describe("a value", () => {
  it.each(PREFIXES)("that starts with %s%s may be a secret, however short it is, but not in the middle of a word", (...parts) => {
    const prefix = parts.join("");
    expect(looksSecret(prefix)).toBe(true);
    expect(looksSecret(`x${prefix}`)).toBe(false);
    const body = /^(DO|AK)/.test(prefix) ? "A1".repeat(12) : "a1".repeat(20);
    const token = `${prefix}${body}.${body}`;
    expect([...`see ${token}`.matchAll(LOOSE_TOKENS)].map(({ index }) => index)).toEqual([4]);
    expect([...`see x${token}`.matchAll(LOOSE_TOKENS)]).toEqual([]);
  });

  it.each([
    ["aB3".repeat(7), true],
    ["aB3".repeat(6), false],
    ["aB3 ".repeat(7), false],
    [`see ${"aB3".repeat(7)}`, false],
    [`${"aB3".repeat(7)} there`, false],
    ["ab3".repeat(10), false],
    ["aBc".repeat(10), false],
    ["AB3".repeat(10), false],
    ["0a".repeat(16), true],
    ["0A".repeat(16), true],
    ["0a".repeat(15), false],
    [`${"0a".repeat(16)}g`, false],
    [`g${"0a".repeat(16)}`, false],
    ["an ordinary text", false],
  ])("%s may be a random secret: %s", (value, expected) => {
    expect(looksSecret(value)).toBe(expected);
  });

  it("with a login in a URL may be a secret", () => {
    for (const url of ["postgresql://a:b@c", "HTTPS://a:b@c", "x postgres://:b@c"])
      expect([hasLogin(url), looksSecret(url)]).toEqual([true, true]);
    for (const url of ["postgresql://a@c", "postgresql://a:@c", "a:b@c", "https://c/a:b@d", "https://a:b c@d"])
      expect(hasLogin(url)).toBe(false);
  });

  it.each([
    "postgres",
    "postgresql",
    "postgresql+asyncpg",
    "mysql",
    "mongodb",
    "mongodb+srv",
    "redis",
    "rediss",
    "valkey",
    "valkeys",
    "REDIS",
  ])("with a login of %s is one of a database", (scheme) => {
    expect(isDatabaseLogin(`${scheme}://a:b@c`)).toBe(true);
    expect(isDatabaseLogin(`${scheme}://a@c`)).toBe(false);
    expect(isDatabaseLogin(`x${scheme}://a:b@c`)).toBe(false);
    expect(isDatabaseLogin(`see ${scheme}://a:b@c`)).toBe(false);
  });

  it("is reported by the kind of its token, once for each format", () => {
    expect(EXACT_TOKENS).toHaveLength(34);
    for (const { what, pattern } of EXACT_TOKENS) {
      expect(what).toMatch(/^an? /);
      expect(pattern.flags).toBe("g");
    }
  });
});

describe("a name", () => {
  it.each<readonly [string, boolean]>([
    ...["password", "PASSWORDS", "db_passwd", "pwd", "passphrase", "JWT_SECRET", "token", "credentials", "webhook"].map(
      (name) => [name, true] as const,
    ),
    ...["privateKey", "API_KEYS", "access-key", "signing.key", "ENCRYPTION_KEY", "PGPASSWORD", "googleclientsecret"].map(
      (name) => [name, true] as const,
    ),
    ...["OPENAI_APIKEY", "webhooks", "SECRET_1"].map((name) => [name, true] as const),
    ...["monkey", "key", "PUBLIC_KEY", "secretary", "tokenizer", "passport", "KEYSPACE"].map((name) => [name, false] as const),
    ...["ttl", "expiry", "expires", "expiration", "lifetime", "timeout", "ms", "seconds", "minutes", "hours", "days", "in", "length"].map(
      (word) => [`TOKEN_${word}`, false] as const,
    ),
    ...["limit", "rounds", "algorithm", "issuer", "audience", "header", "name", "path", "file", "enabled", "required"].map(
      (word) => [`secret_${word}`, false] as const,
    ),
    ["SECRET_TTL_X", true],
  ])("%s is that of a secret: %s", (name, expected) => {
    expect(namesSecret(name)).toBe(expected);
  });
});

it("counts public addresses once, whatever lists them", () => {
  const [low, high, other] = ["203.0.0.0/17", "203.0.128.0/17", "198.51.0.0/17"] as const;
  expect(findPublicExcess([low, high])).toBeUndefined();
  expect(findPublicExcess([low, low, high, "203.0.0.7", "203.0.0.0/16"])).toBeUndefined();
  expect(findPublicExcess([low, high, other])).toBe(3 * 2 ** 15);
  expect(findPublicExcess([low, high, "198.51.100.7"])).toBe(2 ** 16 + 1);
  expect(findPublicExcess([low, high, "198.51.100.7", "198.51.100.7", "10.0.0.0/8", "0.0.0.0/0"])).toBe(2 ** 16 + 1);
});
