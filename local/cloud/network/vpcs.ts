import { z } from "zod";
import { isPrivate, parseBlock, parseEnclosingBlock } from "../../../catalog/ipv4.ts";
import { NETWORK_PREFIX } from "../../../catalog/limits.ts";
import { networksOverlap } from "../../../catalog/private-networks.ts";
import { conflict, forbidden, orNotFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";
import { isDatacenter } from "../core/validation.ts";

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

export const CreateVpcRequest = z.object({
  name,
  region: z.string(),
  description: description.optional(),
  ip_range: z.string().optional(),
});
export const PatchVpcRequest = z.object({ name: name.optional(), description: description.optional(), default: z.boolean().optional() });
export const ReplaceVpcRequest = PatchVpcRequest.extend({ name });

const vpcs = (cloud: Cloud) => cloud.store.collection<Vpc>("vpcs");

const allVpcs = (cloud: Cloud): Vpc[] => vpcs(cloud).all();

export const listVpcs = (cloud: Cloud) => allVpcs(cloud).map(view);

export const readVpc = (cloud: Cloud, id: string) => view(findVpc(cloud, id));

export const findVpc = (cloud: Cloud, id: string): Vpc => orNotFound(vpcs(cloud).get(id));

export function createVpc(cloud: Cloud, request: z.infer<typeof CreateVpcRequest>) {
  if (!isDatacenter(request.region)) throw unprocessable("Region is not available");
  checkNameIsFree(cloud, request.name);
  return view(
    put(cloud, { ...request, ip_range: request.ip_range ? checkRange(cloud, request.ip_range) : nextFreeRange(cloud), default: false }),
  );
}

/** Returns the region's default VPC; creates it when the first resource needs it. */
export function defaultVpc(cloud: Cloud, region: string): Vpc {
  const existing = allVpcs(cloud).find((vpc) => vpc.region === region && vpc.default);
  return existing ?? put(cloud, { name: `default-${region}`, region, ip_range: nextFreeRange(cloud), default: true });
}

export function updateVpc(cloud: Cloud, id: string, change: z.infer<typeof PatchVpcRequest>) {
  const vpc = findVpc(cloud, id);
  if (change.name !== undefined && change.name !== vpc.name) checkNameIsFree(cloud, change.name);
  if (change.default) {
    const others = allVpcs(cloud).filter((other) => other.region === vpc.region && other.default && other.id !== id);
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
  // DigitalOcean's message ends before the colon. The names are what a person needs next.
  const members = listMembers(cloud, id).map(({ name, urn }) => `${name} (${urn})`);
  if (members.length > 0) throw conflict(`Can not delete VPC with members: ${members.join(", ")}`);
  vpcs(cloud).delete(id);
}

/** The fields of clusters and apps that this file reads. */
interface Member {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly private_network_uuid?: string;
  readonly spec?: { readonly name: string; readonly vpc?: { readonly id?: string } };
}

export function listMembers(cloud: Cloud, id: string, type?: string) {
  findVpc(cloud, id);
  const clusters = cloud.store.collection<Member>("clusters").all();
  const apps = cloud.store.collection<Member>("apps").all();
  return [
    ...clusters
      .filter((cluster) => cluster.private_network_uuid === id)
      .map((cluster) => ({ urn: `do:dbaas:${cluster.id}`, name: cluster.name, created_at: formatTimestamp(cluster.createdAt) })),
    ...apps
      .filter((app) => app.spec?.vpc?.id === id)
      .map((app) => ({ urn: `do:app:${app.id}`, name: app.spec!.name, created_at: formatTimestamp(app.createdAt) })),
  ].filter(({ urn }) => !type || urn.startsWith(`do:${type}:`));
}

function put(cloud: Cloud, vpc: Pick<Vpc, "name" | "region" | "ip_range" | "default"> & { description?: string | undefined }): Vpc {
  const { description = "", ...rest } = vpc;
  const created = { id: newId(), ...rest, description, createdAt: cloud.now() };
  vpcs(cloud).put(created.id, created);
  return created;
}

function checkNameIsFree(cloud: Cloud, name: string): void {
  if (allVpcs(cloud).some((vpc) => vpc.name === name)) throw unprocessable("name has already been taken");
}

const view = ({ createdAt, ...vpc }: Vpc) => ({ ...vpc, urn: `do:vpc:${vpc.id}`, created_at: formatTimestamp(createdAt) });

// ── Address ranges ──────────────────────────────────────────────────────────────────────────────────────────────────

function checkRange(cloud: Cloud, range: string): string {
  const block = range.includes("/") ? parseEnclosingBlock(range) : undefined;
  if (block === undefined) throw unprocessable("ip_range is not a valid CIDR");
  if (block.prefix < NETWORK_PREFIX.widest || block.prefix > NETWORK_PREFIX.narrowest)
    throw unprocessable(`ip_range must be between /${NETWORK_PREFIX.widest} and /${NETWORK_PREFIX.narrowest}`);
  if (!isPrivate(block)) throw unprocessable("ip_range must be within a private network: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16");
  if (parseBlock(range) === undefined) throw unprocessable("ip_range must begin at the first address of its network");
  if (allVpcs(cloud).some((vpc) => networksOverlap(vpc.ip_range, range))) {
    throw unprocessable("This range/size overlaps with another VPC network in your account. Please enter an alternate range/size");
  }
  return range;
}

/** Returns the first unused /20 from 10.100.0.0 upwards. */
function nextFreeRange(cloud: Cloud): string {
  const used = allVpcs(cloud).map((vpc) => vpc.ip_range);
  for (let block = 0; block < 1024; block++) {
    const range = `10.${100 + (block >> 4)}.${(block & 15) << 4}.0/20`;
    if (!used.some((other) => networksOverlap(other, range))) return range;
  }
  throw unprocessable("no address range is left for another VPC");
}
