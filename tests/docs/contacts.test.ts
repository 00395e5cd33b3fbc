import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { systems } from "../../systems/index.ts";

const page = readFileSync(new URL("../../docs/recover.md", import.meta.url), "utf8");
const contacts = /^## Contacts\n[\s\S]*?(?=^## )/m.exec(page)?.[0] ?? "";

it.each(systems.map((system) => [system.title, system] as const))(
  "the contacts in docs/recover.md have a row for %s, with every address and channel that its alerts use [F157]",
  (title, { alerts }) => {
    const rows = contacts.split("\n").filter((line) => line.startsWith(`| ${title.replace(" collaboration", "")} |`));
    expect(rows.length).toBeGreaterThan(0);
    for (const address of [...alerts.emails, ...(alerts.slack === undefined ? [] : [alerts.slack.channel])])
      expect(rows.join("\n")).toContain(address);
  },
);
