/** A generated source of FluxStudio: every entity with every field of its mapping, and for each trap of the files a record that has it. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { DataMapping, Entity, Field } from "../../systems/data/mapping.ts";

export type JsonRecord = Record<string, unknown>;
/** Records by the name of the file. */
export type Corpus = Record<string, JsonRecord[]>;

/** Entities that a reference column refers to, if its name does not say it. */
const REFERENCES: Readonly<Record<string, string>> = {
  ...{ manager_id: "users", client_id: "users", user_id: "users", created_by: "users", assigned_to: "users", uploaded_by: "users" },
  ...{ granted_by: "users", author_id: "users", assignee_id: "users", reply_to_id: "messages", previous_version_id: "files" },
  ...{
    organization_id: "organizations",
    team_id: "teams",
    project_id: "projects",
    conversation_id: "conversations",
    milestone_id: "milestones",
  },
  ...{ task_id: "tasks", service_package_id: "service_packages", invoice_id: "invoices", file_id: "files", entity_id: "projects" },
};

/** The same id in every run. Some letters are upper-case where the mapping accepts it. */
export function idOf(entity: string, n: number): string {
  const prefix = [...entity].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);
  return `${prefix.toString(16).padStart(8, "0")}-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

/** Not a hash of any password; as long as one, and with every character that one may have. */
export const hashOf = (n: number): string => `$2b$12$./${"ABCDEFabcdef0123456789".repeat(3).slice(0, 43)}${String(n).padStart(8, "0")}`;

/** @param scale Records in each file; lists inside of a record have up to three. */
export function generateCorpus(mapping: DataMapping, scale: number): Corpus {
  const corpus: Corpus = {};
  for (const entity of mapping.entities)
    if ("file" in entity.from) corpus[entity.from.file] = Array.from({ length: scale }, (_, n) => createRecord(entity, mapping, n, scale));
  return corpus;
}

function createRecord(entity: Entity, mapping: DataMapping, n: number, scale: number): JsonRecord {
  const record: JsonRecord = {};
  for (const [name, field] of Object.entries(entity.fields)) {
    const value = createValue(entity.name, name, field, n, scale);
    if (value !== undefined) record[name] = value;
  }
  for (const nested of mapping.entities)
    if ("entity" in nested.from && nested.from.entity === entity.name && n % 4 !== 3)
      record[nested.from.field] = Array.from({ length: Math.min(n % 4, scale) }, (_, item) => createItem(nested, n, item, scale));
  return record;
}

function createItem(entity: Entity, n: number, item: number, scale: number): JsonRecord {
  const record: JsonRecord = {};
  for (const [name, field] of Object.entries(entity.fields)) {
    const value =
      field.column === "id"
        ? idOf(entity.name, n * 4 + item)
        : name === "userId"
          ? idOf("users", (n + item) % scale)
          : createValue(entity.name, name, field, n * 4 + item, scale);
    if (value !== undefined) record[name] = value;
  }
  // One holder of a permission.
  if (entity.name === "file_permissions") record[item % 2 === 0 ? "teamId" : "userId"] = null;
  return record;
}

const TEXTS = ["plain", "tab\tnewline\nreturn\r", "back\\slash \"quoted\" 'single'", "😀 é \u2028 \u0001", "", "\\N", "NULL", " spaces "];

function createValue(entity: string, name: string, field: Field, n: number, scale: number): unknown {
  const { column, type, values, nullable, missing } = field;
  const special = SPECIAL[`${entity}.${column}`]?.(n, scale);
  if (special !== undefined) return special;
  if (nullable && n % 7 === 4) return null;
  if (missing !== undefined && n % 7 === 3) return undefined;
  switch (type) {
    case "uuid": {
      if (column === "id") return n % 3 === 0 && field.foldCase ? idOf(entity, n).toUpperCase() : idOf(entity, n);
      return idOf(REFERENCES[column]!, n % scale);
    }
    case "text": {
      if (values !== undefined) return Object.keys(values)[n % Object.keys(values).length];
      return `${TEXTS[n % TEXTS.length]} of ${name} ${n}`;
    }
    case "integer":
      return 1 + (n % 1000);
    case "bigint":
      return 9_007_199_254_740_991 - n;
    case "numeric":
      return (n % 1000) + 0.25;
    case "boolean":
      return n % 2 === 0;
    case "date":
      return `20${String(20 + (n % 9)).padStart(2, "0")}-0${1 + (n % 9)}-1${n % 9}`;
    case "timestamptz":
      return `2026-01-0${1 + (n % 9)}T0${n % 9}:30:00${["Z", ".123Z", ".123456Z", "+02:00", ".5-11:30"][n % 5]}`;
    case "json":
      return name === "identities" ? { google: `g${n}`, github: `h${n}` } : [{ n: 1.5, list: ["é", null, true] }, {}, [1, [2]]][n % 3];
    case "hex":
      return n.toString(16).padStart(64, "0");
  }
}

/** Columns with a rule that a value of their type may break. */
const SPECIAL: Readonly<Record<string, (n: number, scale: number) => unknown>> = {
  "users.email": (n) => `user${n}@example.com`,
  "users.password_hash": (n) => hashOf(n),
  "projects.organization_id": (n, scale) => idOf("organizations", n % scale),
  "projects.manager_id": (n, scale) => idOf("users", n % scale),
  "projects.service_tier": (n) => ["starter", "standard", "premium"][n % 3],
  "messages.reply_to_id": (n, scale) => (n + 1 < scale && n % 3 !== 0 ? idOf("messages", n + 1) : null),
  "files.previous_version_id": (n) => (n % 2 === 1 ? idOf("files", n - 1) : null),
  "invoices.paid_at": () => "2026-03-01T00:00:00Z",
  "file_permissions.user_id": (n, scale) => idOf("users", n % scale),
  "file_permissions.team_id": (n, scale) => idOf("teams", n % scale),
  ...Object.fromEntries(
    ["client_requests", "invoices", "projects", "service_packages", "time_entries"].map((entity) => [
      `${entity}.currency`,
      (n: number) => ["USD", "EUR"][n % 2],
    ]),
  ),
};

/** Written as an array, as lines, or with a file for each record, by turns. */
export function writeCorpus(corpus: Corpus, folder: string, form: "arrays" | "mixed" = "mixed"): void {
  for (const [index, [file, records]] of Object.entries(corpus).entries()) {
    const way = form === "arrays" ? 0 : index % 3;
    if (way === 0) writeFileSync(path.join(folder, `${file}.json`), `\ufeff${JSON.stringify(records, null, index % 2)}`);
    else if (way === 1) writeFileSync(path.join(folder, `${file}.ndjson`), records.map((one) => `${JSON.stringify(one)}\n`).join(""));
    else {
      mkdirSync(path.join(folder, file));
      for (const [n, record] of records.entries()) writeFileSync(path.join(folder, file, `${n}.json`), JSON.stringify(record));
    }
  }
}
