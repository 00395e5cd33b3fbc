/** Resource types of the account: VPCs, projects and their resources. */

import type { ResourceType } from "../../engine/cloud-provider.ts";
import type { Plain } from "../../engine/state.ts";
import {
  assignResources,
  CreateProjectRequest,
  createProject,
  deleteProject,
  listProjects,
  listResources,
  PatchProjectRequest,
  readProject,
  updateProject,
} from "../cloud/account/projects.ts";
import { CreateVpcRequest, createVpc, deleteVpc, listVpcs, PatchVpcRequest, readVpc, updateVpc } from "../cloud/network/vpcs.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { ifExists, text, toSnakeCase, validate, withoutUnset } from "./mapping.ts";

export function vpc(cloud: Cloud): ResourceType {
  const outputs = ({ urn, ip_range, created_at, ...rest }: ReturnType<typeof readVpc>) => ({
    vpcUrn: urn,
    ipRange: ip_range,
    default: rest.default,
    createdAt: created_at,
    description: rest.description,
    region: rest.region,
    name: rest.name,
  });
  return {
    replaces: ["region", "ipRange"],
    deleteFirst: true,
    async create(inputs) {
      const created = createVpc(cloud, validate(CreateVpcRequest, toSnakeCase(withoutUnset(inputs))));
      return { id: created.id, outputs: outputs(created) };
    },
    update: async (id, _olds, { name, description }) =>
      outputs(updateVpc(cloud, id, validate(PatchVpcRequest, withoutUnset({ name, description })))),
    delete: async (id) => ifExists(() => deleteVpc(cloud, id)),
    read: (id) => ifExists(() => outputs(readVpc(cloud, id))),
    async find({ name }) {
      const found = listVpcs(cloud).find((other) => other.name === name);
      return found && { id: found.id, outputs: outputs(found) };
    },
  };
}

export function project(cloud: Cloud): ResourceType {
  const outputs = ({ owner_uuid, owner_id, is_default, created_at, updated_at }: ReturnType<typeof readProject>) => ({
    ownerUuid: owner_uuid,
    ownerId: owner_id,
    isDefault: is_default,
    createdAt: created_at,
    updatedAt: updated_at,
  });
  const fields = ({ name, description, purpose, environment }: Plain) => withoutUnset({ name, description, purpose, environment });
  return {
    replaces: [],
    deleteFirst: true,
    async create(inputs) {
      const created = createProject(cloud, validate(CreateProjectRequest, fields(inputs)));
      return { id: created.id, outputs: outputs(created) };
    },
    update: async (id, _olds, inputs) => outputs(updateProject(cloud, id, validate(PatchProjectRequest, fields(inputs)))),
    async delete(id) {
      const assigned = await ifExists(() => listResources(cloud, id).map(({ urn }) => urn));
      if (!assigned) return;
      assignResources(cloud, "default", { resources: assigned });
      deleteProject(cloud, id);
    },
    read: (id) => ifExists(() => outputs(readProject(cloud, id))),
    async find({ name }) {
      const found = listProjects(cloud).find((other) => other.name === name);
      return found && { id: found.id, outputs: outputs(found) };
    },
  };
}

/** Resources that are no longer listed return to the default project. */
export function projectResources(cloud: Cloud): ResourceType {
  const urns = ({ resources }: Plain): string[] => (resources ?? []) as string[];
  const assign = (project: string, resources: string[]) => {
    const missing = assignResources(cloud, project, { resources }).filter(({ status }) => status === "not_found");
    if (missing.length > 0) throw new Error(`not found: ${missing.map(({ urn }) => urn).join(", ")}`);
  };
  return {
    replaces: ["project"],
    async create(inputs) {
      assign(text(inputs.project), urns(inputs));
      return { id: text(inputs.project), outputs: {} };
    },
    async update(id, { inputs }, news) {
      const removed = urns(inputs).filter((urn) => !urns(news).includes(urn));
      assignResources(cloud, "default", { resources: removed });
      assign(id, urns(news));
      return {};
    },
    delete: async (_id, { inputs }) => void assignResources(cloud, "default", { resources: urns(inputs) }),
    read: (id, inputs) =>
      ifExists(() => {
        const assigned = new Set(listResources(cloud, id).map(({ urn }) => urn));
        return urns(inputs).every((urn) => assigned.has(urn)) ? {} : undefined;
      }),
  };
}
