/** A diagram of the connections: apps on the left, servers with their databases on the right, and a line for each connection. */
import { formatDatabase, formatTargets } from "../database-targets.ts";
import type { AppLine, PlatformStatus, ServerLine } from "../status.ts";
import { escapeHtml } from "./escape-html.ts";

const WIDTH = 960;
const BOX = 340;
const ROW = 26;
const PAD = 10;
const GAP = 14;

interface PlacedBox {
  readonly svg: string;
  /** The y coordinate of line ends, by app name or by "port/database". */
  readonly anchors: ReadonlyMap<string, number>;
  readonly bottom: number;
}

/** Empty if no app connects to a database. Narrow screens hide the diagram; the lists below it have the same information. */
export function renderDiagram({ apps, servers }: PlatformStatus): string {
  const connectedApps = apps.filter(({ leads }) => leads.length > 0);
  if (connectedApps.length === 0) return "";
  const left = stack(connectedApps.map(appBox));
  const right = stack(servers.map((server) => serverBox(server, connectedApps)));
  const lines = connectedApps.flatMap(({ app, leads }) =>
    leads.flatMap(({ port, database }) => line(left.anchors.get(app), right.anchors.get(`${port}/${database}`))),
  );
  const description = connectedApps.map(({ app, leads }) => `${app} connects to ${formatTargets(leads)}`).join("; ");
  return `<svg viewBox="0 0 ${WIDTH} ${Math.max(left.bottom, right.bottom) + 1}" role="img" aria-label="${escapeHtml(description)}">
${lines.join("\n")}
${left.svg}
${right.svg}
</svg>`;
}

type Box = (top: number) => PlacedBox;

/** Places boxes below each other. */
function stack(boxes: readonly Box[]): PlacedBox {
  return boxes.reduce<PlacedBox>(
    (above, box) => {
      const placed = box(above.bottom === 0 ? 1 : above.bottom + GAP);
      return { svg: `${above.svg}${placed.svg}`, anchors: new Map([...above.anchors, ...placed.anchors]), bottom: placed.bottom };
    },
    { svg: "", anchors: new Map(), bottom: 0 },
  );
}

const appBox =
  ({ app, components }: AppLine): Box =>
  (top) => {
    const isHealthy = components.every(({ health = "ok" }) => health === "ok");
    const height = 2 * ROW + PAD;
    return {
      svg:
        `<rect x="1" y="${top}" width="${BOX}" height="${height}" rx="6"${isHealthy ? "" : ' class="bad"'}/>` +
        label(PAD + 1, top + ROW - 4, app) +
        label(
          PAD + 1,
          top + 2 * ROW - 4,
          isHealthy ? components.map(({ name }) => name).join(", ") : "unhealthy",
          isHealthy ? "soft" : "bad",
        ),
      anchors: new Map([[app, top + height / 2]]),
      bottom: top + height,
    };
  };

function serverBox({ cluster, kind, port, pid }: ServerLine, apps: readonly AppLine[]): Box {
  const targets = apps.flatMap(({ leads }) => leads).filter((target) => target.port === port);
  const databases = [...new Set(targets.map(({ database }) => database))].sort();
  const x = WIDTH - BOX - 1;
  return (top) => {
    const height = (1 + databases.length) * ROW + PAD;
    const title = pid === undefined ? `${kind}, not running` : `${kind} on ${port}`;
    return {
      svg:
        `<rect x="${x}" y="${top}" width="${BOX}" height="${height}" rx="6"${pid === undefined ? ' class="bad"' : ""}/>` +
        label(x + PAD, top + ROW - 4, `${title}: ${cluster}`, pid === undefined ? "bad" : "soft") +
        databases.map((database, row) => label(x + PAD, top + (row + 2) * ROW - 4, formatDatabase(database))).join(""),
      anchors: new Map(databases.map((database, row) => [`${port}/${database}`, top + (row + 2) * ROW - 9])),
      bottom: top + height,
    };
  };
}

function line(from: number | undefined, to: number | undefined): string[] {
  if (from === undefined || to === undefined) return [];
  const [start, end] = [BOX + 1, WIDTH - BOX - 1];
  const middle = (start + end) / 2;
  return [`<path d="M${start} ${from}C${middle} ${from} ${middle} ${to} ${end} ${to}"/>`];
}

const label = (x: number, y: number, value: string, kind?: string): string =>
  `<text x="${x}" y="${y}"${kind === undefined ? "" : ` class="${kind}"`}>${escapeHtml(value)}</text>`;
