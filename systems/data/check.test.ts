import { describe, expect, it } from "vitest";
import { checkMapping } from "./check.ts";
import { type DataMapping, type Entity, field, optional } from "./mapping.ts";

const users: Entity = {
  name: "users",
  table: "public.users",
  from: { file: "users" },
  key: ["id"],
  conflict: "replace",
  fields: { id: field.uuid("id"), name: field.text("name"), friend: field.uuid("friend_id", optional) },
};
const items: Entity = {
  name: "items",
  table: "public.items",
  from: { entity: "users", field: "items", parent: { user_id: "id" } },
  key: ["user_id", "position"],
  conflict: "keep",
  fields: { position: field.integer("position") },
};
const withUsers = (more: Partial<Entity>): DataMapping => ({ entities: [{ ...users, ...more }] });
const withField = (more: Record<string, unknown>): DataMapping =>
  withUsers({ fields: { ...users.fields, name: { ...field.text("name"), ...more } as Entity["fields"][string] } });

function problemsOf(mapping: DataMapping): string {
  try {
    checkMapping("shop", mapping);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("a mapping", () => {
  it("is accepted if files, tables, keys and fields fit together", () => {
    expect(problemsOf({ entities: [users, items], ignoredFiles: { "cache.json": "It is built again" } })).toBe("");
    expect(problemsOf(withUsers({ selfReferences: ["friend_id"] }))).toBe("");
  });

  it.each<[string, DataMapping, readonly string[]]>([
    [
      "the same name",
      { entities: [users, { ...users, table: "public.other", from: { file: "other" } }] },
      ["shop.data.entities[1].name", "another entity has this name"],
    ],
    [
      "the same table",
      { entities: [users, { ...users, name: "other", from: { file: "other" } }] },
      ["shop.data.entities[1].table", "has it already"],
    ],
    [
      "the same file in another case",
      { entities: [users, { ...users, name: "other", table: "public.other", from: { file: "USERS" } }] },
      ["shop.data.entities[1].from.file", "has it already"],
    ],
    ["a table without a schema", withUsers({ table: "users" }), ["shop.data.entities[0].table", 'schema and table: "public.users"']],
    [
      "a file in a folder",
      withUsers({ from: { file: "../users" } }),
      ["shop.data.entities[0].from.file", "a name without a folder and without .json"],
    ],
    ["an unknown conflict rule", withUsers({ conflict: "merge" as "keep" }), ["shop.data.entities[0].conflict", "keep, replace, fail"]],
    ["a key that no field fills", withUsers({ key: ["number"] }), ["shop.data.entities[0].key", "no field fills this column"]],
    ["a key that may be missing", withUsers({ key: ["friend_id"] }), ["shop.data.entities[0].fields.friend", "a record cannot lack it"]],
    [
      "two fields of one column",
      withUsers({ fields: { ...users.fields, title: field.text("name") } }),
      ["shop.data.entities[0].fields", "two fields fill this column"],
    ],
    [
      "a field that is imported and ignored",
      withUsers({ ignored: { name: "No reason" } }),
      ["shop.data.entities[0].ignored.name", "the field is both imported and ignored"],
    ],
    [
      "an ignored field without a reason",
      withUsers({ ignored: { token: " " } }),
      ["shop.data.entities[0].ignored.token", "it has no reason"],
    ],
    [
      "an ignored file without a reason",
      { entities: [users], ignoredFiles: { "cache.json": "" } },
      ["shop.data.ignoredFiles.cache.json", "it has no reason"],
    ],
    [
      "another column that a field fills",
      withUsers({ otherColumns: { name: "No reason" } }),
      ["shop.data.entities[0].otherColumns.name", "a field fills this column"],
    ],
    [
      "a reference within the table with a key of two columns",
      withUsers({ key: ["id", "name"], selfReferences: ["friend_id"] }),
      ["shop.data.entities[0].selfReferences", "has one column as its key"],
    ],
    [
      "a missing value that is null, and null refused",
      withField({ missing: null }),
      ["shop.data.entities[0].fields.name.missing", "null is no value of this field"],
    ],
    [
      '"" as null, and null refused',
      withField({ emptyIsNull: true }),
      ["shop.data.entities[0].fields.name.emptyIsNull", "null is no value of this field"],
    ],
    [
      "an option of another type",
      withField({ foldCase: true }),
      ["shop.data.entities[0].fields.name.foldCase", "only a field of type uuid has it"],
    ],
    ["an unknown type", withField({ type: "varchar" }), ["shop.data.entities[0].fields.name.type"]],
    [
      "words that an export could not write",
      withField({ values: { admin: "owner" } }),
      ["shop.data.entities[0].fields.name.values", "an export could not be imported", 'Add owner: "owner".'],
    ],
    [
      "a list of an entity that comes later",
      { entities: [items, users] },
      ["shop.data.entities[0].from.entity", "no entity before items has it"],
    ],
    [
      "a list in a field that is imported",
      { entities: [users, { ...items, from: { entity: "users", field: "name", parent: { user_id: "id" } } }] },
      ["shop.data.entities[1].from.field", "users uses this field itself"],
    ],
    [
      "a parent column of an unknown field",
      { entities: [users, { ...items, from: { entity: "users", field: "items", parent: { user_id: "key" } } }] },
      ["shop.data.entities[1].from.parent.user_id"],
    ],
  ])("with %s is refused with the place", (_, mapping, expected) => {
    const problems = problemsOf(mapping);
    for (const text of expected) expect(problems).toContain(text);
  });
});
