/** Which app reaches which database, drawn: apps on the left, servers with their databases on the right, a line for each lead. */
import { formatDatabase, formatTargets } from "../database-targets.ts";
import type { AppLine, PlatformStatus, ServerLine } from "../status.ts";
import { escapeHtml } from "./escape-html.ts";

const WIDTH = 960;
const BOX = 340;
const ROW = 26;
const PAD = 10;
const GAP = 14;

interface Placed {
  readonly svg: string;
  /** Where a line to it ends: by "port/database" for a database, by the app's name for an app. */
  readonly anchors: ReadonlyMap<string, number>;
  readonly bottom: number;
}

/** Nothing where there is nothing to connect. Too wide for a phone, whose reader has the same in the boxes below. */
export function renderDiagram({ apps, servers }: PlatformStatus): string {
  const leading = apps.filter(({ leads }) => leads.length > 0);
  if (leading.length === 0) return "";
  const left = stack(leading.map(appBox));
  const right = stack(servers.map((server) => serverBox(server, leading)));
  const lines = leading.flatMap(({ app, leads }) =>
    leads.flatMap(({ port, database }) => line(left.anchors.get(app), right.anchors.get(`${port}/${database}`))),
  );
  const words = leading.map(({ app, leads }) => `${app} reaches ${formatTargets(leads)}`).join("; ");
  return `<svg viewBox="0 0 ${WIDTH} ${Math.max(left.bottom, right.bottom) + 1}" role="img" aria-label="${escapeHtml(words)}">
${lines.join("\n")}
${left.svg}
${right.svg}
</svg>`;
}

type Box = (top: number) => Placed;

/** One below the other. */
function stack(boxes: readonly Box[]): Placed {
  return boxes.reduce<Placed>(
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
    const well = components.every(({ health = "ok" }) => health === "ok");
    const height = 2 * ROW + PAD;
    return {
      svg:
        `<rect x="1" y="${top}" width="${BOX}" height="${height}" rx="6"${well ? "" : ' class="ill"'}/>` +
        word(PAD + 1, top + ROW - 4, app) +
        word(PAD + 1, top + 2 * ROW - 4, well ? components.map(({ name }) => name).join(", ") : "not well", well ? "soft" : "ill"),
      anchors: new Map([[app, top + height / 2]]),
      bottom: top + height,
    };
  };

function serverBox({ cluster, kind, port, pid }: ServerLine, apps: readonly AppLine[]): Box {
  const reached = apps.flatMap(({ leads }) => leads).filter((lead) => lead.port === port);
  const databases = [...new Set(reached.map(({ database }) => database))].sort();
  const x = WIDTH - BOX - 1;
  return (top) => {
    const height = (1 + databases.length) * ROW + PAD;
    const title = pid === undefined ? `${kind}, does not run` : `${kind} on ${port}`;
    return {
      svg:
        `<rect x="${x}" y="${top}" width="${BOX}" height="${height}" rx="6"${pid === undefined ? ' class="ill"' : ""}/>` +
        word(x + PAD, top + ROW - 4, `${title}: ${cluster}`, pid === undefined ? "ill" : "soft") +
        databases.map((database, row) => word(x + PAD, top + (row + 2) * ROW - 4, formatDatabase(database))).join(""),
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

const word = (x: number, y: number, words: string, kind?: string): string =>
  `<text x="${x}" y="${y}"${kind === undefined ? "" : ` class="${kind}"`}>${escapeHtml(words)}</text>`;
