/** The same as `slipway local status`, to look at: what runs and how it hangs together. Plain HTML; nothing in it is secret. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Contents } from "./contents.ts";
import type { Call } from "./host.ts";
import type { PlatformStatus } from "./status.ts";

export interface Shown {
  readonly status: PlatformStatus;
  readonly contents: readonly Contents[];
  readonly calls: readonly Call[];
}

export interface Page {
  readonly url: string;
  close(): void;
}

export async function openPage(port: number, look: () => Promise<Shown>): Promise<Page> {
  const server = createServer(async (asked, reply) => {
    // A name that a stranger's page made resolve to this machine is not an address of this page.
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(asked.headers.host ?? "")) return void reply.writeHead(403).end();
    if (asked.method !== "GET" || asked.url !== "/") return void reply.writeHead(404).end("There is one page here: /\n");
    try {
      const html = document(await look());
      reply.writeHead(200, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "cache-control": "no-store",
      });
      reply.end(html);
    } catch (error) {
      reply.writeHead(500, { "content-type": "text/plain; charset=utf-8" }).end(`${(error as Error).message}\n`);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const STYLE = `
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
.row { display: flex; flex-wrap: wrap; gap: 1rem; margin: .5rem 0 }
.box { border: 1px solid #8a8a8a; border-radius: .4rem; padding: .5rem .8rem; flex: 1 1 14rem }
.box h3 { margin: 0; font-size: 1rem } .flow { text-align: center; color: #595959 }
.ok { color: #0a6b2d } .bad { color: #a4161a; font-weight: 600 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .2rem .6rem .2rem 0; vertical-align: top }
code { font-size: .9rem } @media (prefers-color-scheme: dark) { body { color: #e8e8e8; background: #161616 } .flow { color: #a8a8a8 } .ok { color: #6fd08c } .bad { color: #ff8a8a } a { color: #8ab4f8 } }
`;

export function document({ status, contents, calls }: Shown): string {
  const databases = status.servers.map(
    ({ cluster, kind, port, pid }) =>
      `<div class="box"><h3>${text(kind)}</h3>${text(cluster)}<br>${pid === undefined ? bad("does not run") : `<code>127.0.0.1:${port}</code> ${good("runs")}`}</div>`,
  );
  const apps = status.apps.map(({ app, url, components }) => {
    const lines = components.map(({ name, kind, health }) => `<br>${text(name)} ${healthOf(kind, health)}`);
    return `<div class="box"><h3><a href="${text(url)}">${text(app)}</a></h3><code>${text(url)}</code>${lines.join("")}</div>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>slipway on this machine</title><style>${STYLE}</style></head>
<body><main>
<h1>slipway on this machine</h1>
<p>Real servers, and stand-ins for the services. DigitalOcean's API answers at <code>${text(status.daemon?.api ?? "")}</code> (token <code>local</code>).</p>
<section aria-labelledby="runs"><h2 id="runs">What runs</h2>
<div class="row">${apps.join("") || "<p>No app is deployed.</p>"}</div>
<p class="flow">↓ certificates verified ↓</p>
<div class="row">${databases.join("") || "<p>No server is there.</p>"}</div></section>
<section aria-labelledby="holds"><h2 id="holds">What is in it</h2>
${table(
  ["Cluster", "Database", "Holds, about"],
  contents.map(({ cluster, database, holds }) => [cluster, database, holds.join(", ")]),
)}</section>
<section aria-labelledby="calls"><h2 id="calls">Last calls of the API</h2>
${
  calls.length === 0
    ? "<p>None yet.</p>"
    : table(
        ["At", "Call", "Status", "Took"],
        calls
          .slice(-30)
          .reverse()
          .map(({ at, method, path, status, milliseconds }) => [at, `${method} ${path}`, String(status), `${milliseconds} ms`]),
      )
}</section>
</main></body></html>
`;
}

function healthOf(kind: string, health: string | undefined): string {
  if (health === undefined) return `(${text(kind.replace("static_site", "site"))})`;
  return health === "ok" ? good("healthy") : bad(health);
}

const good = (word: string): string => `<span class="ok">${text(word)}</span>`;
const bad = (word: string): string => `<span class="bad">${text(word)}</span>`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) => `<tr>${cells.map((cell) => `<${tag}>${text(cell)}</${tag}>`).join("")}</tr>`;
  return `<table><thead>${line(head, "th")}</thead><tbody>${rows.map((row) => line(row, "td")).join("\n")}</tbody></table>`;
}

/** The one place where what comes from elsewhere becomes HTML. */
function text(value: string): string {
  return value.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
