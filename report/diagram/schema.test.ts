import { describe, expect, it } from "vitest";
import { mermaidSchema, type SchemaTable, svgSchema } from "./schema.ts";

const column = (name: string, type = "uuid", more: object = {}) => ({
  name,
  type,
  notNull: true,
  primaryKey: false,
  unique: false,
  ...more,
});

const accounts: SchemaTable = {
  schema: "public",
  name: "accounts",
  partitioned: false,
  columns: [
    column("id", "uuid", { primaryKey: true }),
    column("email", "character varying(255)", { unique: true }),
    column("manager"),
    column("balance", "numeric(10,2)"),
    column("seen", "timestamp(3) with time zone"),
    column("tags", "text[]"),
  ],
  references: [{ columns: ["manager"], to: { schema: "public", name: "accounts" }, required: false, unique: false }],
};
const lines: SchemaTable = {
  schema: "shop",
  name: "lines",
  partitioned: true,
  columns: [column("account", "uuid", { primaryKey: true }), column("number", "integer", { primaryKey: true })],
  references: [{ columns: ["account", "number"], to: { schema: "public", name: "accounts" }, required: true, unique: true }],
};
const hostile: SchemaTable = {
  schema: "public",
  name: 'x"]{}\n  evil ||--|| evil : "<script>',
  partitioned: false,
  columns: [column('a"\n}', '"My Type"'), column("7up", "double precision")],
  references: [],
};

describe("a mermaid diagram of tables", () => {
  it("contains keys, short types and cardinalities, and no schema where all tables are in one", () => {
    expect(mermaidSchema([accounts])).toBe(
      [
        "erDiagram",
        "  accounts {",
        "    uuid id PK",
        "    varchar(255) email UK",
        "    uuid manager FK",
        "    numeric balance",
        "    timestamptz(3) seen",
        "    text[] tags",
        "  }",
        '  accounts |o--o{ accounts : "manager"',
      ].join("\n"),
    );
  });

  it("names the schemas of several, the partitioned tables, and the columns of a key", () => {
    const drawn = mermaidSchema([accounts, lines]);
    expect(drawn).toContain('  public_accounts["public.accounts"] {');
    expect(drawn).toContain('  shop_lines["shop.lines (partitioned)"] {\n    uuid account PK, FK\n    integer number PK, FK\n  }');
    expect(drawn).toContain('  public_accounts ||--o| shop_lines : "account, number"');
  });

  it("gives each table an id of its own, and none that is a word of mermaid", () => {
    const named = (name: string): SchemaTable => ({ ...accounts, name, references: [] });
    const ids = [...mermaidSchema(["a-b", "a_b", "title", "end", "2026"].map(named)).matchAll(/^ {2}(\w+)(?:\[| \{)/gm)].map(
      ([, id]) => id,
    );
    expect(ids).toEqual(["a_b", "a_b_2", "title_", "end_", "t_2026"]);
  });

  it("names a column that is a word of mermaid in a comment", () => {
    expect(mermaidSchema([{ ...accounts, columns: [column("PK", "FK")], references: [] }])).toContain('    FK_ PK_ "PK"');
  });

  it("lets no name end its line or its label", () => {
    const drawn = mermaidSchema([hostile]);
    expect(drawn.split("\n")).toHaveLength(5);
    expect(drawn).not.toMatch(/[<>]|\bevil \|\|/);
    for (const line of drawn.split("\n").slice(2, 4)) expect(line).toMatch(/^ {4}[A-Za-z_][\w()[\]-]* [A-Za-z_][\w-]*( "[^"]*")?$/);
    expect(mermaidSchema([])).toBe("");
  });
});

describe("an SVG of tables", () => {
  it("is a file of its own, with a line for each column and an arrow for each foreign key", async () => {
    const svg = await svgSchema([accounts, lines], "Tables of Shop");
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" [^>]*><title>Tables of Shop<\/title><style>/);
    for (const text of ["public.accounts", "shop.lines", "partitioned", "email varchar(255) UK", "number integer PK FK"])
      expect(svg).toContain(`>${text}</text>`);
    expect(svg.match(/<polygon/g)).toHaveLength(2);
  });

  it("escapes names, and is empty if there is too much to draw", async () => {
    expect(await svgSchema([hostile], "<Shop>")).not.toContain("<script>");
    expect(
      await svgSchema(
        Array.from({ length: 201 }, (_, index) => ({ ...accounts, name: `t${index}` })),
        "Shop",
      ),
    ).toBe("");
    expect(await svgSchema([], "Shop")).toBe("");
  });
});
