import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { systems } from "../../systems/index.ts";

it.each(systems.map((system) => [system.title, system] as const))(
  "the runbook of %s has the contacts, with every address and channel that its alerts use [F157]",
  (_, { name, contacts = [], alerts }) => {
    const page = readFileSync(new URL(`../../docs/runbooks/${name}.md`, import.meta.url), "utf8");
    const section = /^## Contacts\n[\s\S]*?(?=^## )/m.exec(page)?.[0] ?? "";
    expect(contacts.length).toBeGreaterThan(0);
    const people = [
      ...contacts.map(({ contact }) => contact),
      ...alerts.emails,
      ...(alerts.slack === undefined ? [] : [alerts.slack.channel]),
    ];
    expect(people.filter((one) => !section.includes(one))).toEqual([]);
  },
);
