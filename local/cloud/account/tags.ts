import { z } from "zod";
import { notFound, orNotFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";

/** A tag is a name; tagged resources list their tags themselves. */
interface Tagged {
  readonly id: string;
  readonly tags: readonly string[];
}

const tagName = z
  .string()
  .max(255)
  .regex(/^[a-zA-Z0-9_\-:]+$/, "may only contain letters, digits, colons, dashes and underscores");

export const TagNames = z.array(tagName).optional();
export const CreateTagRequest = z.object({ name: tagName });
export const TagResourcesRequest = z.object({
  resources: z.array(z.object({ resource_id: z.string(), resource_type: z.string() })).min(1),
});

const tags = (cloud: Cloud) => cloud.store.collection<string>("tags");
const clusters = (cloud: Cloud) => cloud.store.collection<Tagged>("clusters");

export const listTags = (cloud: Cloud) =>
  tags(cloud)
    .all()
    .map((name) => view(cloud, name));

export const readTag = (cloud: Cloud, name: string) => view(cloud, find(cloud, name));

/** Creating an existing tag succeeds. */
export function createTag(cloud: Cloud, { name }: z.infer<typeof CreateTagRequest>) {
  ensureTags(cloud, [name]);
  return view(cloud, name);
}

export function deleteTag(cloud: Cloud, name: string): void {
  find(cloud, name);
  for (const cluster of taggedClusters(cloud, name)) setTags(cloud, cluster.id, without(cluster.tags, name));
  tags(cloud).delete(name);
}

export function tagResources(cloud: Cloud, name: string, { resources }: z.infer<typeof TagResourcesRequest>): void {
  find(cloud, name);
  for (const { id, tags } of findTaggable(cloud, resources)) setTags(cloud, id, [...without(tags, name), name]);
}

export function untagResources(cloud: Cloud, name: string, { resources }: z.infer<typeof TagResourcesRequest>): void {
  find(cloud, name);
  for (const { id, tags } of findTaggable(cloud, resources)) setTags(cloud, id, without(tags, name));
}

export function ensureTags(cloud: Cloud, names: readonly string[]): void {
  for (const name of names) if (!tags(cloud).get(name)) tags(cloud).put(name, name);
}

function findTaggable(cloud: Cloud, resources: z.infer<typeof TagResourcesRequest>["resources"]): Tagged[] {
  return resources.map(({ resource_id, resource_type }) => {
    if (resource_type !== "database") throw unprocessable(`resource_type must be "database" here, not "${resource_type}"`);
    const cluster = clusters(cloud).get(resource_id);
    if (!cluster) throw notFound(`database ${resource_id} could not be found`);
    return cluster;
  });
}

const find = (cloud: Cloud, name: string): string => orNotFound(tags(cloud).get(name));

const taggedClusters = (cloud: Cloud, name: string) =>
  clusters(cloud)
    .all()
    .filter((cluster) => cluster.tags.includes(name));
const without = (names: readonly string[], name: string) => names.filter((other) => other !== name);
const setTags = (cloud: Cloud, id: string, names: readonly string[]) =>
  clusters(cloud).put(id, { ...clusters(cloud).get(id)!, tags: names });

function view(cloud: Cloud, name: string) {
  const tagged = taggedClusters(cloud, name);
  const last = tagged.at(-1);
  const databases = { count: tagged.length, ...(last && { last_tagged_uri: `https://api.digitalocean.com/v2/databases/${last.id}` }) };
  const none = { count: 0 };
  return { name, resources: { ...databases, droplets: none, images: none, volumes: none, volume_snapshots: none, databases } };
}
