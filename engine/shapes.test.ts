import { expect, it } from "vitest";
import { maskShapes } from "./shapes.ts";

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
])("masks what looks like %s", (secret) => {
  expect(maskShapes(`before ${secret}, behind`)).toBe("before [secret], behind");
});

it("masks the login of a URL, whatever its scheme, also where its password should have been encoded", () => {
  expect(maskShapes("postgres://app:hush@db:5432/x, redis://:hush@cache, amqp://a:b/c@d@queue/v")).toBe(
    "postgres://[secret]@db:5432/x, redis://[secret]@cache, amqp://[secret]@queue/v",
  );
  expect(maskShapes("https://bob:hush@example.com/a@b")).toBe("https://[secret]@example.com/a@b");
});

it("leaves alone what only looks alike", () => {
  for (const text of [
    "postgresql://${db.USERNAME}:${db.PASSWORD}@private-db:25060/app",
    "http://localhost:3000/@scope/package",
    "git+ssh://git@github.com/acme/app.git",
    "urn:pulumi:prod::slipway::digitalocean:index/app:App::api@v1",
    "ghp_ is how their tokens begin, and dop_v1_ ours",
    "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
  ]) {
    expect(maskShapes(text)).toBe(text);
  }
});
