/** What `slipway backup fork` prints. */
import { findNode } from "../../catalog/nodes.ts";
import { EXTRA_STORAGE_GIB, nodePrice, PRICE_SOURCES } from "../../catalog/prices.ts";
import type { Forked } from "../../operate/fork/carry-out.ts";
import type { Cluster } from "../../operate/fork/clusters.ts";
import { formatSources, isSame, type TrustedSource } from "../../operate/fork/firewall.ts";
import type { ForkPlan } from "../../operate/fork/plan.ts";
import { formatTime } from "../../operate/fork/time.ts";
import type { Layout } from "../shared/terminal.ts";
import { hang } from "./text.ts";

/** US dollars a month at the list price; undefined where no public text states it. */
export function priceOf({ size, nodes, storageMib }: Cluster): number | undefined {
  const node = nodePrice("pg", size);
  const included = findNode(size)?.diskGiB;
  if (node === undefined || included === undefined) return undefined;
  const extraGib = Math.max(0, storageMib / 1024 - included);
  return Math.round((node * nodes + EXTRA_STORAGE_GIB * extraGib) * 100) / 100;
}

export function formatForkPlan(plan: ForkPlan, layout: Layout): string {
  const { source, name, time } = plan;
  return [
    layout.style.bold(`Fork ${source.name} as of ${formatTime(time)}`),
    ...[
      ["new cluster", `${name}: ${describeSize(source)}`],
      ["contains", `every database and user of the cluster at that time; now it has ${source.databases.join(", ")}`],
      ["not in it", `what was written after ${formatTime(time)}`],
      ["trusted", describeSources(plan.rules)],
      ["cost", describeCost(source)],
    ].flatMap(([title, text]) => row(title!, text!, layout)),
    "",
    `Nothing was created. To create it:\n  ${plan.command} --yes`,
  ].join("\n");
}

export function formatForked({ source, time, rules }: ForkPlan, { cluster, trustedSources }: Forked, layout: Layout): string {
  const { id, name, host, port, user } = cluster;
  return [
    layout.style.good(`${name} is online, requested from ${source.name} as of ${formatTime(time)}`),
    ...[
      ["cluster", `${id}, ${describeSize(cluster)}`],
      ["address", `${host}:${port}, user ${user}`],
      ["trusted", describeSources(trustedSources, rules)],
      ["cost", describeCost(cluster)],
    ].flatMap(([title, text]) => row(title!, text!, layout)),
    "",
    "Connect from a trusted source:",
    `  doctl databases get-ca ${id} --format Certificate --no-header > ca.pem`,
    `  PGSSLROOTCERT=ca.pem psql "$(doctl databases connection ${id} --format URI --no-header)"`,
    "",
    ...hang(
      "",
      "First verify the time: read the newest rows. DigitalOcean's API does not report which time it restored, and its document promises only the times of backups.",
      layout,
    ),
    "",
    "Copy the rows of one table:",
    "  pg_dump --data-only --table=<schema>.<table> <new cluster> | psql <old cluster>",
    ...hang(
      "",
      "Or adopt the new cluster in a stack that does not manage the old one. In the stack of the old one this would replace it: see docs/backup.md first.",
      layout,
    ),
    `  pulumi config set --path slipway:<system>.postgres.adopt ${id} -s <other stack>`,
    "Delete it when you are done; until then it is billed:",
    `  doctl databases delete ${id}`,
  ].join("\n");
}

const row = (title: string, text: string, layout: Layout): string[] => hang(`  ${title.padEnd(13)}`, text, layout);

const describeSize = ({ version, nodes, size, region }: Cluster): string => `Postgres ${version}, ${nodes} × ${size}, ${region}`;

function describeSources(sources: readonly TrustedSource[], old = sources): string {
  if (!isSame(sources, old)) return `its own: ${formatSources(sources)}`;
  if (sources.length === 0) return "NONE, as in the old cluster: every address can connect to the new one as well";
  return `as in the old cluster: ${formatSources(sources)}`;
}

function describeCost(cluster: Cluster): string {
  const usd = priceOf(cluster);
  const until = "billed by the hour until you delete it";
  return usd === undefined
    ? `not known to slipway, ${until}. See https://www.digitalocean.com/pricing/managed-databases`
    : `$${usd.toFixed(2)} a month (list price of ${PRICE_SOURCES.databases.asOf}), ${until}`;
}
