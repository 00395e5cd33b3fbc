/** What has to hold after a deployment, as the definition declares it and `slipway verify` looks at it. */
import type { System } from "../../systems/definition.ts";
import type { Canary, Probe, ServiceChecks, Target } from "../../systems/verification.ts";
import { table } from "./table.ts";

export function describeExpectations({ apps, checklist = [], targets = [] }: System): readonly string[] {
  const services = Object.values(apps).flatMap(({ components }) =>
    Object.entries(components).flatMap(([name, component]) =>
      component.kind === "service" && component.checks !== undefined ? describeService(name, component.health.path, component.checks) : [],
    ),
  );
  const parts = [
    services.length === 0 ? [] : table(["service", "where", "what"], services),
    checklist.length === 0 ? [] : table(["of the product's documents", "`slipway verify` looks at"], checklist.map(describeItem)),
    targets.length === 0 ? [] : table(["target", "at most", "measured with `slipway verify --bench`"], targets.map(describeTarget)),
  ];
  return parts.filter((lines) => lines.length > 0).flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
}

function describeService(service: string, health: string, { database, probes = [], log }: ServiceChecks): readonly (readonly string[])[] {
  const counts = database?.counts ?? [];
  return [
    ...(database === undefined
      ? []
      : [
          [
            service,
            code(health),
            `${code(database.connected)} is true${counts.length === 0 ? "" : `; ${counts.map(code).join(", ")} are numbers`}`,
          ],
        ]),
    ...probes.map((probe) => [service, code(probe.path), describeProbe(probe)]),
    ...(log?.contains ?? []).map((text) => [service, "log", `contains "${text}"`]),
    ...(log?.lacks ?? []).map((text) => [service, "log", `lacks "${text}"`]),
  ];
}

const code = (text: string): string => `\`${text}\``;

function describeProbe({ status, fields = {}, lists }: Probe): string {
  return [
    `answers ${status.join(" or ")} without credentials`,
    ...Object.entries(fields).map(([path, kind]) => `${code(path)} is a ${kind}`),
    ...(lists === undefined ? [] : [describeCanary(lists)]),
  ].join("; ");
}

function describeCanary({ table: name, key, values }: Canary): string {
  const columns = Object.entries(values).map(([column, value]) => code(`${column}: ${JSON.stringify(value)}`));
  return `lists a row that was just added to ${code(name)}, by its ${code(key)}${columns.length === 0 ? "" : `, with ${columns.join(", ")}`}`;
}

const describeItem = ({ item, checks }: NonNullable<System["checklist"]>[number]): readonly string[] => [
  item,
  checks.length === 0 ? "a person has to do it" : checks.join(", "),
];

const describeTarget = (target: Target): readonly string[] => [target.title, `${target.atMostMs} ms`, describeMeasurement(target)];

function describeMeasurement(target: Target): string {
  if ("sql" in target) return code(target.sql.replace(/\s+/g, " ").trim());
  return "path" in target ? `the 95th percentile of requests to ${code(target.path)}` : "the median, out of a warm pool";
}
