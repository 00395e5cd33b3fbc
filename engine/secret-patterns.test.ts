import { expect, it } from "vitest";
import { maskSecretPatterns } from "./secret-patterns.ts";

it.each([
  "dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  "doo_v1_0123456789abcdef",
  "dor_v1_0123456789abcdef",
  "EV[1:4kd8:aGVsbG8gd29ybGQ=]",
  "DO00ABCDEFGHIJKLMNOP",
  "pul-0123456789abcdef0123456789abcdef01234567",
  "ghp_0123456789abcdefghij0123456789abcdef",
  "github_pat_11ABCDEFG0123456789abcdef",
  "xoxb-123456789012-abcdefghij",
  "GOCSPX-abcdefghijklmnop",
  "sk_live_0123456789abcdef",
  "AKIAIOSFODNN7EXAMPLE",
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
  "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----",
])("masks %s", (secret) => {
  expect(maskSecretPatterns(`before ${secret}, behind`)).toBe("before [secret], behind");
});

it("masks the password of a URL with any scheme, also one that should be encoded", () => {
  expect(maskSecretPatterns("postgres://app:hush@db:5432/x, redis://:hush@cache, amqp://a:b/c@d@queue/v")).toBe(
    "postgres://[secret]@db:5432/x, redis://[secret]@cache, amqp://[secret]@queue/v",
  );
  expect(maskSecretPatterns("https://bob:hush@example.com/a@b")).toBe("https://[secret]@example.com/a@b");
});

it("does not mask texts that only look similar", () => {
  for (const text of [
    "postgresql://${db.USERNAME}:${db.PASSWORD}@private-db:25060/app",
    "http://localhost:3000/@scope/package",
    "git+ssh://git@github.com/acme/app.git",
    "urn:pulumi:prod::slipway::digitalocean:index/app:App::api@v1",
    "ghp_ is how their tokens begin, and dop_v1_ ours",
    "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
  ]) {
    expect(maskSecretPatterns(text)).toBe(text);
  }
});
