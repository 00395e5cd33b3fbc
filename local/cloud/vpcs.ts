import { z } from "zod";
import { isPrivate, parseBlock, parseEnclosingBlock } from "../../catalog/ipv4.ts";
import { NETWORK_PREFIX } from "../../catalog/limits.ts";
import { networksOverlap } from "../../catalog/private-networks.ts";
import { conflict, forbidden, notFound, unprocessable } from "./api-error.ts";
import type { Cloud } from "./handle.ts";
import { newId } from "./ids.ts";
import { isDatacenter } from "./offer.ts";
import { stamp } from "./waits.ts";

export interface Vpc {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly description: string;
  readonly ip_range: string;
  readonly default: boolean;
  readonly createdAt: number;
}

const name = z.string().regex(/^[a-zA-Z0-9\-.]+$/, "may only contain letters, digits, periods and dashes");
const description = z.string().max(255);

export const VpcAsk = z.object({ name, region: z.string(), description: description.optional(), ip_range: z.string().optional() });
export const VpcChange = z.object({ name: name.optional(), description: description.optional(), default: z.boolean().optional() });
export const VpcReplacement = VpcChange.extend({ name });

const vpcs = (cloud: Cloud) => cloud.store.kind<Vpc>("vpcs");

export const listVpcs = (cloud: Cloud) => vpcs(cloud).all().map(view);

export const readVpc = (cloud: Cloud, id: string) => view(findVpc(cloud, id));

export function findVpc(cloud: Cloud, id: string): Vpc {
  const vpc = vpcs(cloud).get(id);
  if (!vpc) throw notFound();
  return vpc;
}

export function createVpc(cloud: Cloud, ask: z.infer<typeof VpcAsk>) {
  if (!isDatacenter(ask.region)) throw unprocessable("Region is not available");
  refuseTakenName(cloud, ask.name);
  return view(put(cloud, { ...ask, ip_range: ask.ip_range ? freeRange(cloud, ask.ip_range) : nextRange(cloud), default: false }));
}

/** Every region has a VPC of its own, made when something is first put there without naming one. */
export function defaultVpc(cloud: Cloud, region: string): Vpc {
  const known = vpcs(cloud)
    .all()
    .find((vpc) => vpc.region === region && vpc.default);
  return known ?? put(cloud, { name: `default-${region}`, region, ip_range: nextRange(cloud), default: true });
}

export function updateVpc(cloud: Cloud, id: string, change: z.infer<typeof VpcChange>) {
  const vpc = findVpc(cloud, id);
  if (change.name !== undefined && change.name !== vpc.name) refuseTakenName(cloud, change.name);
  if (change.default) {
    const others = vpcs(cloud)
      .all()
      .filter((other) => other.region === vpc.region && other.default && other.id !== id);
    for (const other of others) vpcs(cloud).put(other.id, { ...other, default: false });
  }
  const { name = vpc.name, description = vpc.description } = change;
  const changed = { ...vpc, name, description, default: vpc.default || change.default === true };
  vpcs(cloud).put(id, changed);
  return view(changed);
}

export function deleteVpc(cloud: Cloud, id: string): void {
  const vpc = findVpc(cloud, id);
  if (vpc.default) throw forbidden("Can not delete default VPCs");
  if (listMembers(cloud, id).length > 0) throw conflict("Can not delete VPC with members");
  vpcs(cloud).delete(id);
}

/** Only what this module needs to know of those who live in a VPC. */
interface Member {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly private_network_uuid?: string;
  readonly spec?: { readonly name: string; readonly vpc?: { readonly id?: string } };
}

export function listMembers(cloud: Cloud, id: string, type?: string) {
  findVpc(cloud, id);
  const clusters = cloud.store
    .kind<Member>("clusters")
    .all()
    .filter((cluster) => cluster.private_network_uuid === id);
  const apps = cloud.store
    .kind<Member>("apps")
    .all()
    .filter((app) => app.spec?.vpc?.id === id);
  return [
    ...clusters.map((cluster) => ({ urn: `do:dbaas:${cluster.id}`, name: cluster.name, created_at: stamp(cluster.createdAt) })),
    ...apps.map((app) => ({ urn: `do:app:${app.id}`, name: app.spec!.name, created_at: stamp(app.createdAt) })),
  ].filter(({ urn }) => !type || urn.startsWith(`do:${type}:`));
}

function put(cloud: Cloud, vpc: Pick<Vpc, "name" | "region" | "ip_range" | "default"> & { description?: string | undefined }): Vpc {
  const { description = "", ...rest } = vpc;
  const made = { id: newId(), ...rest, description, createdAt: cloud.now() };
  vpcs(cloud).put(made.id, made);
  return made;
}

function refuseTakenName(cloud: Cloud, wanted: string): void {
  if (
    vpcs(cloud)
      .all()
      .some((vpc) => vpc.name === wanted)
  )
    throw unprocessable("name has already been taken");
}

const view = ({ createdAt, ...vpc }: Vpc) => ({ ...vpc, urn: `do:vpc:${vpc.id}`, created_at: stamp(createdAt) });

// ── Address ranges ──────────────────────────────────────────────────────────────────────────────────────────────────

function freeRange(cloud: Cloud, range: string): string {
  const block = range.includes("/") ? parseEnclosingBlock(range) : undefined;
  if (block === undefined) throw unprocessable("ip_range is not a valid CIDR");
  if (block.prefix < NETWORK_PREFIX.widest || block.prefix > NETWORK_PREFIX.narrowest)
    throw unprocessable(`ip_range must be between /${NETWORK_PREFIX.widest} and /${NETWORK_PREFIX.narrowest}`);
  if (!isPrivate(block)) throw unprocessable("ip_range must be within a private network: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16");
  if (parseBlock(range) === undefined) throw unprocessable("ip_range must begin at the first address of its network");
  if (
    vpcs(cloud)
      .all()
      .some((vpc) => networksOverlap(vpc.ip_range, range))
  ) {
    throw unprocessable("This range/size overlaps with another VPC network in your account. Please enter an alternate range/size");
  }
  return range;
}

/** The first /20 below 10.100.0.0/14 that nobody uses. */
function nextRange(cloud: Cloud): string {
  const used = vpcs(cloud)
    .all()
    .map((vpc) => vpc.ip_range);
  for (let block = 0; block < 1024; block++) {
    const range = `10.${100 + (block >> 4)}.${(block & 15) << 4}.0/20`;
    if (!used.some((other) => networksOverlap(other, range))) return range;
  }
  throw unprocessable("no address range is left for another VPC");
}
