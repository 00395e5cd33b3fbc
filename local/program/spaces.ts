/** Spaces buckets, their CORS rules and keys. Lifecycle rules are not supported here: they are stored as XML, which only S3 clients send. */

import type { ResourceType } from "../../engine/cloud-provider.ts";
import type { Plain } from "../../engine/state.ts";
import { tag, writeXml } from "../api/s3/xml.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { type Acl, changeBucket, createBucket, deleteBucket, deleteBucketRules, findBucket } from "../cloud/spaces/buckets.ts";
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

interface CorsRule {
  readonly id?: string;
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly string[];
  readonly allowedHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAgeSeconds?: number;
}

export function spacesBucketCors(cloud: Cloud): ResourceType {
  const apply = ({ bucket, corsRules }: Plain) => changeBucket(cloud, text(bucket), { cors: corsXml(corsRules as unknown as CorsRule[]) });
  const exists = (bucket: unknown) => cloud.store.collection("buckets").get(text(bucket)) !== undefined;
  return {
    replaces: ["bucket", "region"],
    deleteFirst: true,
    async create(inputs) {
      apply(inputs);
      return { id: text(inputs.bucket), outputs: {} };
    },
    async update(_id, _olds, inputs) {
      apply(inputs);
      return {};
    },
    delete: async (id) => {
      if (exists(id)) deleteBucketRules(cloud, id, "cors");
    },
    read: async (id) => (exists(id) && findBucket(cloud, id).cors ? {} : undefined),
    find: async ({ bucket }) => (exists(bucket) && findBucket(cloud, text(bucket)).cors ? { id: text(bucket), outputs: {} } : undefined),
  };
}

function corsXml(rules: readonly CorsRule[]): string {
  const each = (name: string, values: readonly string[] = []) => values.map((value) => tag(name, value));
  return writeXml(
    tag(
      "CORSConfiguration",
      rules.map(({ id, allowedOrigins, allowedMethods, allowedHeaders, exposeHeaders, maxAgeSeconds }) =>
        tag(
          "CORSRule",
          id === undefined ? undefined : tag("ID", id),
          each("AllowedOrigin", allowedOrigins),
          each("AllowedMethod", allowedMethods),
          each("AllowedHeader", allowedHeaders),
          each("ExposeHeader", exposeHeaders),
          maxAgeSeconds === undefined ? undefined : tag("MaxAgeSeconds", maxAgeSeconds),
        ),
      ),
    ),
  );
}

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
