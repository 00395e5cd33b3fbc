import { isIP } from "node:net";
import { z } from "zod";
import { assignToProject, unassignFromProject } from "../account/projects.ts";
import { forbidden, orNotFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";

/** A DNS zone with its records. It is only stored: no DNS server serves it. */
interface Domain {
  readonly name: string;
  readonly records: readonly DomainRecord[];
}

export interface DomainRecord {
  readonly id: number;
  readonly type: string;
  readonly name: string;
  readonly data: string;
  readonly priority: number | null;
  readonly port: number | null;
  readonly ttl: number;
  readonly weight: number | null;
  readonly flags: number | null;
  readonly tag: string | null;
}

const TYPES = ["A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT"] as const;
const HOSTS = ["CNAME", "MX", "NS", "SRV", "CAA"];
const DEFAULT_TTL = 1800;

export const CreateDomainRequest = z.object({
  name: z.string().regex(/^((xn--)?[a-z0-9]+(-+[a-z0-9]+)*\.)+[a-z]{2,}$/, "must be a domain name in lower case"),
  ip_address: z.string().optional(),
});

const number = (most: number) => z.number().int().min(0).max(most).optional();
export const CreateRecordRequest = z.object({
  type: z.enum(TYPES),
  name: z.string().optional(),
  data: z.string().optional(),
  priority: number(65_535),
  port: number(65_535),
  ttl: z.number().int().min(30).optional().or(z.literal(0)),
  weight: number(65_535),
  flags: number(255),
  tag: z.string().optional(),
});
export const UpdateRecordRequest = CreateRecordRequest.partial();

const domains = (cloud: Cloud) => cloud.store.collection<Domain>("domains");
/** Record ids are numbers, unique in the account. */
const counter = (cloud: Cloud) => cloud.store.collection<number>("counters");

// ── Domains ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export const listDomains = (cloud: Cloud) => domains(cloud).all().map(view);

export const readDomain = (cloud: Cloud, name: string) => view(find(cloud, name));

export function createDomain(cloud: Cloud, { name, ip_address }: z.infer<typeof CreateDomainRequest>) {
  if (domains(cloud).get(name)) throw unprocessable("Domain name already exists.");
  if (ip_address && !isIP(ip_address)) throw unprocessable("IP address did not match IPv4 or IPv6 format");
  const defaults = { priority: null, port: null, weight: null, flags: null, tag: null, ttl: DEFAULT_TTL };
  const record = (type: string, data: string, more: Partial<DomainRecord> = {}) => ({
    id: nextId(cloud),
    type,
    name: "@",
    data,
    ...defaults,
    ...more,
  });
  const records = [
    record("SOA", "1800"),
    ...[1, 2, 3].map((server) => record("NS", `ns${server}.digitalocean.com`)),
    ...(ip_address ? [record(isIP(ip_address) === 6 ? "AAAA" : "A", ip_address)] : []),
  ];
  domains(cloud).put(name, { name, records });
  assignToProject(cloud, `do:domain:${name}`);
  return view(find(cloud, name));
}

export function deleteDomain(cloud: Cloud, name: string): void {
  find(cloud, name);
  domains(cloud).delete(name);
  unassignFromProject(cloud, `do:domain:${name}`);
}

// ── Records ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export const listRecords = (
  cloud: Cloud,
  domain: string,
  { type, name }: { type?: string | undefined; name?: string | undefined },
): DomainRecord[] =>
  find(cloud, domain).records.filter((record) => (!type || record.type === type) && (!name || fullName(record, domain) === name));

export const readRecord = (cloud: Cloud, domain: string, id: string): DomainRecord =>
  orNotFound(find(cloud, domain).records.find((record) => String(record.id) === id));

export function createRecord(cloud: Cloud, domain: string, request: z.infer<typeof CreateRecordRequest>): DomainRecord {
  const { records } = find(cloud, domain);
  const record = toRecord(nextId(cloud), domain, request);
  checkConflicts(records, record);
  domains(cloud).put(domain, { name: domain, records: [...records, record] });
  return record;
}

export function updateRecord(cloud: Cloud, domain: string, id: string, change: z.infer<typeof UpdateRecordRequest>): DomainRecord {
  const existing = readRecord(cloud, domain, id);
  const changed = toRecord(existing.id, domain, { ...existing, ...definedFields(change) });
  const others = find(cloud, domain).records.filter((record) => record.id !== existing.id);
  checkConflicts(others, changed);
  const records = find(cloud, domain).records.map((record) => (record.id === existing.id ? changed : record));
  domains(cloud).put(domain, { name: domain, records });
  return changed;
}

export function deleteRecord(cloud: Cloud, domain: string, id: string): void {
  const existing = readRecord(cloud, domain, id);
  if (existing.type === "SOA") throw forbidden("SOA records cannot be deleted");
  const records = find(cloud, domain).records.filter((record) => record.id !== existing.id);
  domains(cloud).put(domain, { name: domain, records });
}

function toRecord(
  id: number,
  domain: string,
  request: Partial<Record<keyof DomainRecord, unknown>> & { readonly type?: string },
): DomainRecord {
  const { type = "", name, data, priority, port, ttl, weight, flags, tag } = request as Partial<DomainRecord>;
  const require = (value: unknown, what: string) => {
    if (value === undefined || value === null || value === "") throw unprocessable(`${what} is required for ${type} records`);
  };
  if (type !== "SOA") require(data, "Data");
  if (type !== "MX" && type !== "SOA") require(name, "Name");
  if (type === "MX" || type === "SRV") require(priority, "Priority");
  if (type === "SRV") require(port, "Port");
  if (type === "CAA") require(tag, "Tag");
  if (type === "A" && isIP(data ?? "") !== 4) throw unprocessable("IP address did not match IPv4 format (e.g. 123.123.123.123)");
  if (type === "AAAA" && isIP(data ?? "") !== 6) throw unprocessable("IP address did not match IPv6 format");
  return {
    id,
    type,
    name: name ? relativeName(name, domain) : "@",
    data: HOSTS.includes(type) ? hostData(data ?? "", domain) : (data ?? String(DEFAULT_TTL)),
    priority: priority ?? null,
    port: port ?? null,
    ttl: ttl || DEFAULT_TTL,
    weight: weight ?? (type === "SRV" ? 0 : null),
    flags: flags ?? (type === "CAA" ? 0 : null),
    tag: tag ?? null,
  };
}

/** A name that ends in a dot is fully qualified: "www.example.com." in the zone example.com becomes "www". */
function relativeName(name: string, domain: string): string {
  if (name === `${domain}.`) return "@";
  return name.endsWith(`.${domain}.`) ? name.slice(0, -`.${domain}.`.length) : name;
}

function hostData(data: string, domain: string): string {
  return data === `${domain}.` ? "@" : data.replace(/(?<=.)\.$/, "");
}

function checkConflicts(others: readonly DomainRecord[], record: DomainRecord): void {
  const sameName = others.filter(({ name }) => name === record.name);
  const cname = record.type === "CNAME" ? sameName.length > 0 : sameName.some(({ type }) => type === "CNAME");
  if (cname) throw unprocessable("CNAME records cannot share a name with other records");
  if (sameName.some(({ type, data }) => type === record.type && data === record.data)) throw unprocessable("Record already exists");
}

const definedFields = (change: z.infer<typeof UpdateRecordRequest>) =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined && value !== null));

function nextId(cloud: Cloud): number {
  const id = (counter(cloud).get("domain-record") ?? 0) + 1;
  counter(cloud).put("domain-record", id);
  return id;
}

const find = (cloud: Cloud, name: string): Domain => orNotFound(domains(cloud).get(name));

const fullName = ({ name }: DomainRecord, domain: string): string => (name === "@" ? domain : `${name}.${domain}`);

function view({ name, records }: Domain) {
  const lines = records.map((record) => `${fullName(record, name)}. IN ${record.type} ${record.data}`);
  return { name, ttl: DEFAULT_TTL, zone_file: [`$ORIGIN ${name}.`, `$TTL ${DEFAULT_TTL}`, ...lines, ""].join("\n") };
}
