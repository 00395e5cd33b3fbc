/** Spaces buckets and keys. Lifecycle rules are not supported here: they are stored as XML, which only S3 clients send. */

import type { ResourceType } from "../../engine/cloud-provider.ts";
import type { Plain } from "../../engine/state.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { type Acl, changeBucket, createBucket, deleteBucket, findBucket } from "../cloud/spaces/buckets.ts";
import {
  CreateSpacesKeyRequest,
  createSpacesKey,
  deleteSpacesKey,
  UpdateSpacesKeyRequest,
  updateSpacesKey,
} from "../cloud/spaces/spaces-keys.ts";
import { ifExists, text, validate, withoutUnset } from "./mapping.ts";

export function spacesBucket(cloud: Cloud): ResourceType {
  const outputs = ({ name, region }: Plain) => ({
    bucketUrn: `do:space:${name}`,
    bucketDomainName: `${name}.${region}.digitaloceanspaces.com`,
    endpoint: `${region}.digitaloceanspaces.com`,
  });
  const applyChanges = (inputs: Plain) => {
    const { enabled } = (inputs.versioning ?? {}) as { enabled?: boolean };
    const versioning = enabled === true ? ("Enabled" as const) : findBucket(cloud, text(inputs.name)).versioning === "" ? "" : "Suspended";
    changeBucket(cloud, text(inputs.name), { versioning, acl: aclOf(inputs) });
    return outputs(inputs);
  };
  return {
    replaces: ["name", "region"],
    deleteFirst: true,
    async create(inputs) {
      createBucket(cloud, text(inputs.name), text(inputs.region), aclOf(inputs));
      return { id: text(inputs.name), outputs: applyChanges(inputs) };
    },
    update: async (_id, _olds, inputs) => applyChanges(inputs),
    delete: async (id) => {
      if (cloud.store.collection("buckets").get(id)) deleteBucket(cloud, id);
    },
    read: async (id, inputs) => (cloud.store.collection("buckets").get(id) ? outputs(inputs) : undefined),
    find: async (inputs) =>
      cloud.store.collection("buckets").get(text(inputs.name)) ? { id: text(inputs.name), outputs: outputs(inputs) } : undefined,
  };
}

const aclOf = ({ acl }: Plain): Acl => (acl === "public-read" ? "public-read" : "private");

export function spacesKey(cloud: Cloud): ResourceType {
  return {
    replaces: [],
    async create(inputs) {
      const { access_key, secret_key, created_at } = createSpacesKey(cloud, validate(CreateSpacesKeyRequest, withoutUnset(inputs)));
      return { id: access_key, outputs: { accessKey: access_key, secretKey: secret_key, createdAt: created_at } };
    },
    async update(id, { outputs }, inputs) {
      updateSpacesKey(cloud, id, validate(UpdateSpacesKeyRequest, withoutUnset(inputs)));
      return outputs;
    },
    delete: async (id) => ifExists(() => deleteSpacesKey(cloud, id)),
  };
}
