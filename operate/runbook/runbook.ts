/** Writes the runbook of one system on one stack, in Markdown: what runs, the contacts, what to type, and what each alert means. */
import type { Component, System } from "../../systems/definition.ts";
import { describeExpectations } from "./expectations.ts";
import { glossaryOf } from "./glossary.ts";
import type { RunbookStack } from "./stack.ts";
import { table } from "./table.ts";

type SystemSettings = RunbookStack["settings"]["systems"][number];

export function writeRunbook(stack: RunbookStack, system: string): string {
  const selected = stack.settings.systems.find(({ system: { name } }) => name === system);
  if (selected === undefined) throw new Error(`stack ${stack.settings.stack} does not select ${system}`);
  const { title } = selected.system;
  const name = stack.settings.stack;
  return `${[
    `# Runbook of ${title}, stack ${name}`,
    "",
    `Written by \`slipway runbook\` from the definition and the settings of the stack. Do not edit it: change them, and type \`npx slipway runbook --stack ${name} --out docs/runbooks\`.`,
    "",
    ...section("What runs", [...describeApps(selected), "", ...describeData(stack, selected)]),
    ...section("Contacts", describeContacts(stack, selected.system)),
    ...section("How long it may take", describeBudgets(selected.system)),
    ...section("Every day", everyDay(name, system)),
    ...section("Deploy", deploy(stack, selected)),
    ...section("What has to hold after a deployment", describeExpectations(selected.system)),
    ...section("If something is wrong", repair(stack, selected)),
    ...section("Go back", goBack(name, selected)),
    ...section("Secrets", describeSecrets(name, selected)),
    ...section("Alerts", describeAlerts(stack, system)),
  ]
    .join("\n")
    .trimEnd()}\n`;
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`## ${title}`, "", ...lines, ""];

// ── What runs ───────────────────────────────────────────────────────────────────────────────────────────────────────

function describeApps({ system, domains, sizes, features, repos }: SystemSettings): readonly string[] {
  const rows = Object.entries(system.apps).flatMap(([key, { name, components }]) =>
    Object.entries(components)
      .filter(([, { feature }]) => feature === undefined || features.has(feature))
      .map(([component, definition]) => {
        const { repo, branch } = repos[component] ?? definition.source;
        return [
          name,
          component,
          definition.kind,
          describeSize(component, definition, sizes),
          describeHealth(definition),
          domains[key] ?? "App Platform's",
          `${repo}, ${branch}`,
        ];
      }),
  );
  return table(["app", "component", "kind", "size", "health check", "address", "source"], rows);
}

function describeSize(name: string, component: Component, sizes: SystemSettings["sizes"]): string {
  if (component.kind === "site") return "";
  const { size, instances } = sizes[name] ?? component;
  return `${instances} × \`${size}\``;
}

const describeHealth = (component: Component): string =>
  component.kind === "service" ? `\`${component.health.path}\`, every ${component.health.everySeconds} s` : "";

function describeData({ settings }: RunbookStack, { system, cluster, stores, buckets, phase }: SystemSettings): readonly string[] {
  const postgres = settings.postgres.clusters.find(({ key }) => key === cluster);
  const clusters = [
    [
      "database",
      `\`${system.postgres.database}\` on ${cluster}`,
      describeNodes(postgres === undefined ? undefined : { ...postgres, version: postgres.major }, "Postgres"),
    ],
    ...Object.entries(stores).map(([store, key]) => [
      `store \`${store}\``,
      `${system.stores[store]?.class === "state" ? "must not lose keys" : "a cache"}, on ${key}`,
      describeNodes(
        settings.valkey.clusters.find((one) => one.key === key),
        "Valkey",
      ),
    ]),
    ...Object.entries(buckets).map(([bucket, { name, region }]) => [`bucket \`${bucket}\``, `\`${name}\``, region]),
  ];
  const roles = Object.entries(system.postgres.roles).map(([kind, role]) => `\`${role}\` (${kind})`);
  const usesPhases = Object.values(system.apps).some(({ components }) =>
    Object.values(components).some(({ env }) => Object.values(env).some(({ from }) => from === "phase")),
  );
  return [
    ...table(["data", "where", "node"], clusters),
    "",
    `Roles of the database: ${roles.join(", ")}.${usesPhases ? ` Phase of the data: ${phase}.` : ""}`,
  ];
}

function describeNodes(
  cluster: { readonly version: string; readonly size: string; readonly nodes: number; readonly region: string } | undefined,
  engine: string,
): string {
  if (cluster === undefined) return "";
  const standby = cluster.nodes > 1 ? `, ${cluster.nodes - 1} standby` : ", no standby";
  return `${engine} ${cluster.version}, \`${cluster.size}\`${standby}, ${cluster.region}`;
}

// ── People and time ─────────────────────────────────────────────────────────────────────────────────────────────────

function describeContacts({ settings }: RunbookStack, { contacts = [], alerts }: System): readonly string[] {
  const recipients = [...new Set([...settings.alertEmails, ...alerts.emails])];
  return table(
    ["for", "contact"],
    [
      ...contacts.map(({ for: purpose, contact }) => [purpose, contact]),
      [
        "alerts",
        [...recipients, ...(alerts.slack === undefined ? [] : [`Slack \`${alerts.slack.channel}\``])].join(", ") || "no recipient is set",
      ],
      ["DigitalOcean", "https://status.digitalocean.com, https://cloudsupport.digitalocean.com"],
    ],
  );
}

const describeBudgets = ({ timeBudgets = [] }: System): readonly string[] =>
  timeBudgets.length === 0
    ? []
    : table(
        ["task", "at most"],
        timeBudgets.map(({ task, minutes }) => [task, minutes >= 120 ? `${minutes / 60} hours` : `${minutes} minutes`]),
      );

// ── What to type ────────────────────────────────────────────────────────────────────────────────────────────────────

function everyDay(stack: string, system: string): readonly string[] {
  const on = `--stack ${stack} --system ${system}`;
  return table(
    ["you want to", "type"],
    [
      ["see that everything works", `\`npx slipway verify ${on}\``],
      ["find what will become a problem", `\`npx slipway doctor ${on}\``],
      ["watch for a day", `\`npx slipway watch ${on}\``],
      ["compare the account with the state", `\`npx slipway drift --stack ${stack}\``],
      ["see the backups", "`npx slipway backup status`"],
      ["see where secrets go", `\`npx slipway audit --stack ${stack}\``],
    ],
  );
}

function deploy({ settings }: RunbookStack, { system, stores }: SystemSettings): readonly string[] {
  const { stack, postDeploy, backups } = settings;
  const byHand = postDeploy.mode === "manual";
  return steps([
    [`See what changes: \`npx slipway preview\`, then \`pulumi preview --stack ${stack}\`.`],
    ...(backups.schedule === undefined ? [[`Make a backup: \`npx slipway backup create --system ${system.name}\`.`]] : []),
    [
      backups.schedule === undefined
        ? `Deploy: \`pulumi up --stack ${stack}\`.`
        : `Deploy: \`pulumi up --stack ${stack}\`. It makes a backup before it migrates, unless a verified one is not older than ${backups.schedule.maxAgeHours} hours.`,
    ],
    ...(byHand
      ? [
          [`Migrate, with \`DATABASE_URL\` set to the owner's: \`npx slipway migrate up --system ${system.name}\`.`],
          ...(Object.keys(stores).length > 0 && Object.keys(system.keyspaces).length > 0
            ? [[`Seed the stores: \`npx slipway keyspaces seed --system ${system.name}\`.`]]
            : []),
        ]
      : []),
    [`Verify: \`npx slipway verify --stack ${stack} --system ${system.name}\`.`],
    [`Watch for a day: \`npx slipway watch --stack ${stack} --system ${system.name}\`.`],
  ]);
}

const steps = (lines: readonly (readonly string[])[]): readonly string[] => lines.flatMap(([line], index) => [`${index + 1}. ${line}`]);

function repair({ settings }: RunbookStack, { system, stores }: SystemSettings): readonly string[] {
  const { stack } = settings;
  const on = `--stack ${stack} --system ${system.name}`;
  return table(
    ["what you see", "what to do"],
    [
      ["the address does not answer, or answers with errors", `\`npx slipway verify ${on}\` prints the failing check with its next step`],
      [
        "a deployment failed",
        `\`npx slipway verify ${on}\` prints the component, the reason and the end of its log; the previous version still serves`,
      ],
      ["`pulumi up` was interrupted, or fails because names are taken", `\`npx slipway recover --stack ${stack}\``],
      ["the database refuses connections, or is slow", `\`npx slipway doctor ${on}\``],
      [
        "a migration failed",
        `\`npx slipway migrate status --system ${system.name}\`; the files before it are applied, and nothing of the failed one`,
      ],
      ["a table was changed by hand", `\`npx slipway migrate status --system ${system.name}\``],
      ...(Object.keys(stores).length > 0
        ? [
            [
              "a store was flushed, or a script is missing",
              `\`npx slipway keyspaces verify --system ${system.name}\`, then \`npx slipway keyspaces seed --system ${system.name}\``,
            ],
          ]
        : []),
      [
        "data was lost or damaged",
        `Stop the writes. \`npx slipway backup list --system ${system.name}\`, then restore into a new database: \`npx slipway backup restore --help\``,
      ],
      ["the database has to go back to a moment", "`npx slipway backup fork --help`"],
      ["something was changed in the control panel", `\`npx slipway drift --stack ${stack}\``],
    ],
  );
}

function goBack(stack: string, { system }: SystemSettings): readonly string[] {
  const on = `--system ${system.name} --stack ${stack}`;
  return table(
    ["you want to", "type"],
    [
      ["see what both ways would do, and why one is refused", `\`npx slipway rollback plan ${on}\``],
      ["return to the deployment before, with the data of today", `\`npx slipway rollback quick ${on} --yes\``],
      ["keep that, so that the app can be deployed again", `\`npx slipway rollback commit ${on}\``],
      ["undo it", `\`npx slipway rollback revert ${on}\``],
      ["return to the data of a backup", `\`npx slipway rollback full ${on} --identity <file> --yes\``],
    ],
  );
}

function describeSecrets(stack: string, { system, operatorSecrets, rotated }: SystemSettings): readonly string[] {
  const rows = Object.entries(system.secrets)
    .filter(([name, { origin }]) => origin === "generated" || name in operatorSecrets)
    .map(([name, secret]) => [
      `\`${name}\``,
      secret.origin === "generated" ? `generated, last rotated: ${rotated}` : secret.purpose,
      secret.origin === "generated"
        ? `\`pulumi config set slipway:rotated <today> --stack ${stack}\`, then \`pulumi up --stack ${stack}\``
        : `\`pulumi config set --secret ${operatorSecrets[name]} --stack ${stack}\`, then \`pulumi up --stack ${stack}\``,
    ]);
  if (rows.length === 0) return ["It has no secret of its own. Passwords of databases and stores are DigitalOcean's; no one types them."];
  return [
    ...table(["secret", "what it is", "rotate"], rows),
    "",
    "Passwords of databases and stores are DigitalOcean's; no one types them.",
  ];
}

function describeAlerts(stack: RunbookStack, system: string): readonly string[] {
  const entries = glossaryOf(stack, system);
  if (entries.length === 0) return ["This stack declares none: it names no recipient."];
  return table(
    ["alert", "what it means", "look first"],
    entries.map(({ alert, meaning, first }) => [alert, meaning, `\`${first}\``]),
  );
}
