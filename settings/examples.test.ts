import { describe, expect, it } from "vitest";
import { parseSettings } from "./parse.ts";
import { SettingsError } from "./problems.ts";
import { harbour } from "./testing/fixture.ts";

const { web } = harbour.apps;
const system = {
  ...harbour,
  apps: {
    web: {
      ...web!,
      components: { api: { ...web!.components.api!, source: { ...web!.components.api!.source, repo: "your-org/harbour" } } },
    },
  },
  alerts: { ...harbour.alerts, emails: ["captain@harbour.test"] },
};
const EXAMPLES = {
  "slipway:postgres": '{"version":"16"}',
  "slipway:allowedSources": '["198.18.0.7","203.0.113.10"]',
  "slipway:alertEmails": '["oncall@example.com"]',
  "slipway:harbour": '{"features":["google"]}',
  "slipway:harbourGoogleClientId": "1234.apps.example.com",
  "slipway:harbourGoogleClientSecret": "GOCSPX-4b81c0d2e9",
};

function parse(values: Readonly<Record<string, string>>, underEngine: boolean, stack = "prod") {
  const secretKeys = new Set(["slipway:harbourGoogleClientSecret"]);
  return parseSettings({ project: "slipway", stack, values, secretKeys, underEngine }, [system], "2026-11-30");
}

describe("example values in the effective settings", () => {
  it("are problems under Pulumi's engine, all in one message with what to type for each", () => {
    let message = "";
    try {
      parse(EXAMPLES, true);
    } catch (error) {
      expect(error).toBeInstanceOf(SettingsError);
      message = (error as Error).message;
    }
    expect(message).toContain('6 problems in the settings of stack "prod".');
    for (const command of [
      "pulumi config set --path 'slipway:allowedSources[1]' '<IPv4 address of the runner>' -s prod",
      "pulumi config set --path 'slipway:alertEmails[0]' '<email address>' -s prod",
      "pulumi config set --path slipway:harbour.repos.api.repo '<owner>/<repository>' -s prod",
      "pulumi config set --path slipway:harbour.domains.web '<domain>' -s prod",
      "pulumi config set slipway:harbourGoogleClientId '<value>' -s prod",
    ])
      expect(message).toContain(command);
    expect(message).toContain('slipway:harbour.alerts.emails[0] is "captain@harbour.test"');
  });

  it("are one note in a plan, which works", () => {
    const notes = parse(EXAMPLES, false).notices.filter((notice) => notice.startsWith("Example values"));
    expect(notes).toEqual([
      expect.stringContaining("slipway:allowedSources[1] (203.0.113.10), slipway:alertEmails[0] (oncall@example.com)"),
    ]);
  });

  it("are accepted on a laptop, in silence", () => {
    for (const underEngine of [true, false])
      expect(parse({ ...EXAMPLES, "slipway:environment": "local" }, underEngine).notices.join()).not.toContain("xample values");
  });

  it("are none in a stack with values of its own", () => {
    const real = {
      ...EXAMPLES,
      "slipway:allowedSources": '["198.18.0.7"]',
      "slipway:alertEmails": '["oncall@acme.dev"]',
      "slipway:harbour": '{"domains":{"web":"harbour.acme.dev"},"repos":{"api":{"repo":"acme/harbour"}}}',
    };
    const withoutAlerts = { ...system, alerts: harbour.alerts };
    const raw = {
      project: "slipway",
      stack: "prod",
      values: real,
      secretKeys: new Set(["slipway:harbourGoogleClientSecret"]),
      underEngine: true,
    };
    expect(parseSettings(raw, [withoutAlerts], "2026-11-30").notices.join()).not.toContain("xample values");
  });
});
