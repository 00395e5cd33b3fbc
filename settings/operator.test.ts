import { describe, expect, it } from "vitest";
import { complaint, harbour, longPier, settingsFrom } from "./testing/fixture.ts";

const GOOD = "GOCSPX-4b81c0d2e9";
const signIn = { harbour: { features: ["google"] }, harbourGoogleClientId: "1234.apps.example.com" };
const encrypted = { secretKeys: ["harbourGoogleClientSecret"] };

describe("what only an operator knows", () => {
  it("is requested only where the feature is on", () => {
    expect(settingsFrom({}).systems[0]).toMatchObject({ operatorSecrets: {}, operatorSettings: {} });
    expect(settingsFrom({ ...signIn, harbourGoogleClientSecret: GOOD }, encrypted).systems[0]).toMatchObject({
      operatorSecrets: { googleClientSecret: "slipway:harbourGoogleClientSecret" },
      operatorSettings: { googleClientId: "1234.apps.example.com" },
    });
  });

  it("never comes into the settings as a value [F16]", () => {
    expect(JSON.stringify(settingsFrom({ ...signIn, harbourGoogleClientSecret: GOOD }, encrypted))).not.toContain(GOOD);
  });

  it("is reported in one message where it is missing, for all systems", () => {
    const message = complaint({ harbour: { features: ["google"] }, longPier: { features: ["alerts"] } }, { systems: [harbour, longPier] });
    expect(message).toMatch(/^3 problems/);
    expect(message).toContain("slipway:harbourGoogleClientSecret: it is missing (OAuth client secret).");
    expect(message).toContain("allowed: an encrypted value, or the feature google off");
    expect(message).toContain("pulumi config set --secret slipway:harbourGoogleClientSecret -s staging");
    expect(message).toContain("pulumi config set slipway:harbourGoogleClientId '<value>' -s staging");
    expect(message).toContain("pulumi config set --secret slipway:longPierWebhook -s staging");
  });

  it("is refused in plain text by its key, without being shown, also while the feature is off [F16]", () => {
    for (const values of [signIn, {}]) {
      const message = complaint({ ...values, harbourGoogleClientSecret: GOOD });
      expect(message).toContain("slipway:harbourGoogleClientSecret: it is a secret, and the stack's file contains it in plain text.");
      expect(message).toContain("Treat that value as compromised");
      expect(message).toContain("pulumi config set --secret slipway:harbourGoogleClientSecret -s staging");
      expect(message).not.toContain(GOOD);
    }
  });

  it.each([
    "[redacted]",
    "changeme",
    "Password1",
    "p@ssw0rd",
    "your-client-secret",
    "<secret>",
    "short",
    "aaaaaaaaaaaa",
    "12345678",
    "        ",
  ])("is refused as %j, encrypted or not, without being shown", (value) => {
    const message = complaint({ ...signIn, harbourGoogleClientSecret: value }, encrypted);
    expect(message).toContain("slipway:harbourGoogleClientSecret: its value is a placeholder or can be guessed.");
    expect(message).not.toContain(`"${value}"`);
  });

  it("is refused with half of a character in it, a secret without being shown", () => {
    const half = "GOCSPX-\ud83d-4b81c0d2e9";
    const secret = complaint({ ...signIn, harbourGoogleClientSecret: half }, encrypted);
    expect(secret).toContain("slipway:harbourGoogleClientSecret: it holds half of a character (a lone surrogate");
    expect(secret).not.toContain("4b81c0d2e9");
    const id = complaint({ ...signIn, harbourGoogleClientId: half, harbourGoogleClientSecret: GOOD }, encrypted);
    expect(id).toContain("slipway:harbourGoogleClientId: it holds half of a character");
  });

  it("is not encrypted where it is public", () => {
    const message = complaint(
      { ...signIn, harbourGoogleClientSecret: GOOD },
      { secretKeys: ["harbourGoogleClientSecret", "harbourGoogleClientId"] },
    );
    expect(message).toContain("slipway:harbourGoogleClientId: it is encrypted, but it is public");
  });

  it("is recognised when its key is misspelt, and not shown", () => {
    const message = complaint({ harbourGoogleClientSecert: GOOD });
    expect(message).toContain("slipway:harbourGoogleClientSecert: there is no such setting; did you mean harbourGoogleClientSecret?");
    expect(message).toContain("pulumi config set --secret slipway:harbourGoogleClientSecret -s staging");
    expect(message).not.toContain(GOOD);
  });
});

describe("placeholders", () => {
  it("stand in for what is missing, and name it", () => {
    const settings = settingsFrom({ harbour: { features: ["google"] }, placeholders: "true" });
    expect(settings.placeholders).toEqual(["slipway:harbourGoogleClientSecret", "slipway:harbourGoogleClientId"]);
    expect(settings.systems[0]!.operatorSettings).toEqual({ googleClientId: "placeholder:slipway:harbourGoogleClientId" });
  });

  it("stand in for nothing that is there", () => {
    expect(settingsFrom({ ...signIn, harbourGoogleClientSecret: GOOD, placeholders: "true" }, encrypted).placeholders).toEqual([]);
  });

  it("do not excuse a secret in plain text", () => {
    expect(complaint({ ...signIn, harbourGoogleClientSecret: GOOD, placeholders: "true" })).toContain("in plain text");
  });

  it("are refused where Pulumi's engine would create things with them", () => {
    const message = complaint({ placeholders: "true" }, { underEngine: true });
    expect(message).toContain("slipway:placeholders is true: placeholders are for a plan");
    expect(message).toContain("pulumi config rm slipway:placeholders -s staging");
  });
});
