import { describe, expect, it } from "vitest";
import { EXAMPLES } from "./example-values.ts";

describe("an example value", () => {
  it.each([
    ["source", ["192.0.2.1", "198.51.100.0/25", "203.0.113.10", "203.0.113.0/24", "203.0.113.9/30", "2001:db8::1", "2001:DB8:1::/48"]],
    ["domain", ["example.com", "www.example.net", "example.org.", "shop.example", "db.invalid", "shop.test", "EXAMPLE.COM"]],
    ["email", ["oncall@example.com", "me@mail.example.org", "me@shop.test"]],
    ["repository", ["your-org/shop", "ghcr.io/your-org/slipway:1.0.0"]],
  ] as const)("is recognized as a %s", (kind, values) => {
    for (const value of values)
      expect(EXAMPLES[kind](value), value).toMatch(/^(is (in|under) .*, which is reserved for documentation|names your-org)/);
  });

  it.each([
    ["source", ["203.0.114.1", "203.0.112.0/23", "10.0.0.0/8", "8.8.8.8", "::1", "2001:db80::1", "fd00:2001:db8::1", "garbage"]],
    ["domain", ["fluxstudio.art", "myexample.com", "example.com.br", "test.io", "contest", "latest.dev"]],
    ["email", ["oncall@acme.dev", "example.com@acme.dev"]],
    ["repository", ["acme/your-org", "our-org/shop", "ghcr.io/acme/slipway:1.0.0"]],
  ] as const)("is not seen in a real %s", (kind, values) => {
    for (const value of values) expect(EXAMPLES[kind](value), value).toBeUndefined();
  });
});
