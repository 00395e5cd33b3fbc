/** Renders the status page as HTML without scripts and without secrets. */

import { formatDatabase, formatTargets } from "../database-targets.ts";
import type { ApiCall } from "../host.ts";
import type { AppLine, ComponentLine, PlatformStatus, ServerLine } from "../status.ts";
import type { DatabaseContents } from "./database-contents.ts";
import { renderDiagram } from "./diagram.ts";
import { escapeHtml } from "./escape-html.ts";

export interface PageData {
  readonly status: PlatformStatus;
  readonly contents: readonly DatabaseContents[];
  readonly calls: readonly ApiCall[];
}

const SHOWN_CALLS = 30;
const SERVERS: Readonly<Record<string, string>> = { postgres: "Postgres", pgbouncer: "PgBouncer", valkey: "Valkey" };

export function renderPage({ status, contents, calls }: PageData): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>slipway local platform</title><style>${STYLE}</style></head>
<body><main>
<h1>slipway local platform</h1>
<p>Real database servers and placeholder services. DigitalOcean API: <code>${escapeHtml(status.daemon?.api ?? "")}</code>, token: <code>local</code>.</p>
<section aria-labelledby="status"><h2 id="status">Status</h2>
${renderDiagram(status)}
<h3>Apps</h3>
${boxes(status.apps.map(app), "No apps are deployed.")}
<h3>Servers</h3>
${boxes(status.servers.map(server), "No servers.")}</section>
<section aria-labelledby="data"><h2 id="data">Data</h2>
${contents.length === 0 ? "<p>No databases.</p>" : contents.map(database).join("\n")}</section>
<section aria-labelledby="requests"><h2 id="requests">Recent API requests</h2>
${callTable(calls)}</section>
</main></body></html>
`;
}

const boxes = (all: readonly string[], none: string): string =>
  all.length === 0 ? `<p>${none}</p>` : `<ul class="boxes">${all.join("\n")}</ul>`;

const app = ({ app, url, leads, components }: AppLine): string =>
  `<li><strong><a href="${escapeHtml(url)}">${escapeHtml(app)}</a></strong><code>${escapeHtml(url)}</code>${components.map(component).join("")}` +
  `${leads.length === 0 ? "" : `<small>connects to ${escapeHtml(formatTargets(leads))}</small>`}</li>`;

const component = ({ name, kind, health }: ComponentLine): string => `<span>${escapeHtml(name)} ${healthOf(kind, health)}</span>`;

const server = ({ cluster, kind, port, pid }: ServerLine): string =>
  `<li><strong>${escapeHtml(SERVERS[kind] ?? kind)}</strong>${escapeHtml(cluster)}<span>${
    pid === undefined ? bad("not running") : `<code>127.0.0.1:${port}</code> ${good("running")}`
  }</span></li>`;

function healthOf(kind: string, health: string | undefined): string {
  if (health === undefined) return `(${escapeHtml(kind.replace("static_site", "site"))})`;
  return health === "ok" ? good("healthy") : bad(health);
}

const good = (word: string): string => `<span class="ok">${escapeHtml(word)}</span>`;
const bad = (word: string): string => `<span class="bad">${escapeHtml(word)}</span>`;

function database({ cluster, database, counts, error }: DatabaseContents): string {
  const title = `<h3>${escapeHtml(formatDatabase(database))} <small>on ${escapeHtml(cluster)}</small></h3>`;
  if (error !== undefined) return `${title}<p>${bad(`does not answer: ${error}`)}</p>`;
  if (counts.length === 0) return `${title}<p>Empty.</p>`;
  return `${title}<dl>${counts.map(({ name, count }) => `<div><dt>${escapeHtml(name)}</dt><dd>${count}</dd></div>`).join("")}</dl>`;
}

function callTable(calls: readonly ApiCall[]): string {
  if (calls.length === 0) return "<p>No requests yet.</p>";
  const rows = calls.slice(-SHOWN_CALLS).reverse().map(call).join("\n");
  return `<table><thead><tr><th>Time</th><th>Request</th><th>Status</th><th>Duration</th></tr></thead><tbody>
${rows}</tbody></table>`;
}

const call = ({ at, method, path, status, milliseconds, unknown }: ApiCall): string =>
  `<tr><td>${escapeHtml(at.slice(11, 19))}</td><td><code>${escapeHtml(method)} ${escapeHtml(path)}</code></td>` +
  `<td>${status < 400 ? status : bad(`${status}${unknown ? " unknown route" : ""}`)}</td><td>${milliseconds} ms</td></tr>`;

/** All colours have a contrast of at least 4.5:1 in both colour schemes. */
const STYLE = `
:root { color-scheme: light dark; --text: #1a1a1a; --soft: #595959; --line: #8a8a8a; --background: #fff; --box: #f6f6f4; --ok: #0a6b2d; --bad: #a4161a; --link: #0b57d0 }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --soft: #a8a8a8; --line: #6d6d6d; --background: #161616; --box: #202020; --ok: #6fd08c; --bad: #ff8a8a; --link: #8ab4f8 }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: var(--text); background: var(--background); overflow-wrap: anywhere }
h1 { line-height: 1.2 } h2 { margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line) } h3 { margin: 1.2rem 0 .4rem; font-size: 1rem }
small { color: var(--soft); font-weight: normal } a { color: var(--link) } code { font-size: .875rem }
.ok { color: var(--ok) } .bad { color: var(--bad); font-weight: 600 }
.boxes { list-style: none; padding: 0; margin: 0; display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)) }
.boxes li { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .8rem; background: var(--box); display: flex; flex-direction: column }
dl { margin: 0; columns: 17rem auto; column-gap: 2rem } dl div { display: flex; justify-content: space-between; gap: 1rem; break-inside: avoid } dd { margin: 0; font-variant-numeric: tabular-nums }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top } th, td:first-child, td:last-child { white-space: nowrap } td:nth-child(3) { overflow-wrap: normal }
svg { width: 100%; height: auto; margin: .5rem 0 } svg text { fill: var(--text); font-size: 14px } svg .soft { fill: var(--soft); font-size: 12px } svg .bad { fill: var(--bad) }
svg rect { fill: var(--box); stroke: var(--line) } svg rect.bad { stroke: var(--bad); stroke-dasharray: 4 3 } svg path { fill: none; stroke: var(--soft); stroke-width: 1.5 }
@media (max-width: 44rem) { svg { display: none } td { font-size: .875rem } }
`;
