import { z } from "zod";
import { conflict, forbidden, notReady, orNotFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";

interface Project {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly purpose: string;
  readonly environment?: Environment;
  readonly createdAt: number;
  readonly updatedAt: number;
}

const ENVIRONMENTS = ["Development", "Staging", "Production"] as const;
type Environment = (typeof ENVIRONMENTS)[number];

const text = (most: number) => z.string().max(most);

export const CreateProjectRequest = z.object({
  name: text(175).min(1),
  description: text(255).optional(),
  purpose: text(255).min(1),
  environment: z.enum(ENVIRONMENTS).or(z.literal("")).optional(),
});
export const PatchProjectRequest = CreateProjectRequest.partial().extend({ is_default: z.boolean().optional() });
/** PUT takes the whole project. */
export const ReplaceProjectRequest = CreateProjectRequest.required().extend({ is_default: z.boolean() });
export const AssignResourcesRequest = z.object({ resources: z.array(z.string()) });

const projects = (cloud: Cloud) => cloud.store.collection<Project>("projects");
/** A single record, so that there is always exactly one default project. */
const defaultProject = (cloud: Cloud) => cloud.store.collection<string>("default-project");

export function openDefaultProject(cloud: Cloud): void {
  if (defaultProject(cloud).get("id")) return;
  const request = { name: "first-project", purpose: "Operational / Developer tooling", environment: "Development" } as const;
  const { id } = createProject(cloud, request);
  defaultProject(cloud).put("id", id);
}

export const listProjects = (cloud: Cloud) => projects(cloud).all().map(viewOf(cloud));

export const readProject = (cloud: Cloud, id: string) => viewOf(cloud)(find(cloud, id));

export function createProject(cloud: Cloud, request: z.infer<typeof CreateProjectRequest>) {
  checkNameIsFree(cloud, request.name);
  const now = cloud.now();
  const { description = "", ...rest } = request;
  const project = normalize({ id: newId(), description, createdAt: now, updatedAt: now, ...rest });
  projects(cloud).put(project.id, project);
  return viewOf(cloud)(project);
}

export function updateProject(cloud: Cloud, id: string, change: z.infer<typeof PatchProjectRequest>) {
  const { is_default, ...rest } = change;
  const project = find(cloud, id);
  if (rest.name !== undefined && rest.name !== project.name) checkNameIsFree(cloud, rest.name);
  if (is_default === false && isDefault(cloud, project.id)) {
    throw unprocessable("the default project cannot be unset; make another project the default one");
  }
  const { name = project.name, description = project.description, purpose = project.purpose, environment = project.environment } = rest;
  const changed = normalize({ ...project, name, description, purpose, environment, updatedAt: cloud.now() });
  projects(cloud).put(changed.id, changed);
  if (is_default) defaultProject(cloud).put("id", changed.id);
  return viewOf(cloud)(changed);
}

export function deleteProject(cloud: Cloud, id: string): void {
  const project = find(cloud, id);
  if (isDefault(cloud, project.id)) throw forbidden("cannot delete the default project");
  if (listResources(cloud, project.id).length > 0) {
    throw notReady("cannot delete a project with resources. Move or remove the resources first.");
  }
  projects(cloud).delete(project.id);
}

// ── Resources ───────────────────────────────────────────────────────────────────────────────────────────────────────

interface Assignment {
  readonly urn: string;
  readonly project: string;
  readonly at: number;
}

const assignments = (cloud: Cloud) => cloud.store.collection<Assignment>("project-resources");

/** The collection and the API path for each type in a URN. */
const RESOURCE_TYPES: Readonly<Record<string, { readonly collection: string; readonly path: string }>> = {
  dbaas: { collection: "clusters", path: "databases" },
  app: { collection: "apps", path: "apps" },
  domain: { collection: "domains", path: "domains" },
  space: { collection: "buckets", path: "spaces" },
};

/** Without a project, the resource belongs to the default project. */
export function assignToProject(cloud: Cloud, urn: string, project?: string): void {
  const id = project ? find(cloud, project).id : defaultId(cloud);
  assignments(cloud).put(urn, { urn, project: id, at: cloud.now() });
}

export const unassignFromProject = (cloud: Cloud, urn: string): void => assignments(cloud).delete(urn);

export const projectOf = (cloud: Cloud, urn: string): string => assignments(cloud).get(urn)?.project ?? defaultId(cloud);

export const requireProject = (cloud: Cloud, id: string): void => void find(cloud, id);

export function listResources(cloud: Cloud, id: string) {
  const project = find(cloud, id);
  return assignments(cloud)
    .all()
    .filter((assignment) => assignment.project === project.id)
    .map((assignment) => viewResource(assignment, "ok"));
}

export function assignResources(cloud: Cloud, id: string, request: z.infer<typeof AssignResourcesRequest>) {
  const project = find(cloud, id);
  for (const urn of request.resources) checkUrn(urn);
  // Like DigitalOcean: unknown URNs are reported one by one, and the others are still assigned.
  return request.resources.map((urn) => {
    const now = { urn, project: project.id, at: cloud.now() };
    if (!exists(cloud, urn)) return viewResource(now, "not_found");
    const already = assignments(cloud).get(urn)?.project === project.id;
    if (!already) assignments(cloud).put(urn, now);
    return viewResource(assignments(cloud).get(urn)!, already ? "already_assigned" : "assigned");
  });
}

const URN = /^do:([a-z]+):(.+)$/;

function checkUrn(urn: string): void {
  const [, type = ""] = URN.exec(urn) ?? [];
  if (!RESOURCE_TYPES[type])
    throw unprocessable(`resource types must be one of the following: ${Object.keys(RESOURCE_TYPES).join(", ")} (got ${urn})`);
}

function exists(cloud: Cloud, urn: string): boolean {
  const [, type = "", name = ""] = URN.exec(urn) ?? [];
  return cloud.store.collection(RESOURCE_TYPES[type]!.collection).get(name) !== undefined;
}

function viewResource({ urn, at }: Assignment, status: string) {
  const [, type = "", name = ""] = urn.split(":");
  return {
    urn,
    assigned_at: formatTimestamp(at),
    links: { self: `https://api.digitalocean.com/v2/${RESOURCE_TYPES[type]!.path}/${name}` },
    status,
  };
}

// ── Lookups and checks ────────────────────────────────────────────────────────────────────────────────────────────────────

const defaultId = (cloud: Cloud): string => defaultProject(cloud).get("id")!;
const isDefault = (cloud: Cloud, id: string): boolean => defaultProject(cloud).get("id") === id;

const find = (cloud: Cloud, id: string): Project =>
  orNotFound(projects(cloud).get(id === "default" ? defaultId(cloud) : id), "project not found");

function checkNameIsFree(cloud: Cloud, name: string): void {
  const others = projects(cloud).all();
  if (others.some((project) => project.name === name)) throw conflict("name is already in use");
}

const PURPOSES = [
  "Just trying out DigitalOcean",
  "Class project / Educational purposes",
  "Website or blog",
  "Web Application",
  "Service or API",
  "Mobile Application",
  "Machine learning / AI / Data processing",
  "IoT",
  "Operational / Developer tooling",
];

/** The API returns a custom purpose as "Other: …", and no environment key for an empty environment. */
function normalize({
  environment,
  purpose,
  ...project
}: Omit<Project, "environment"> & { environment?: Environment | "" | undefined }): Project {
  const isStandard = PURPOSES.includes(purpose) || purpose.startsWith("Other: ");
  return { ...project, purpose: isStandard ? purpose : `Other: ${purpose}`, ...(environment && { environment }) };
}

const viewOf =
  (cloud: Cloud) =>
  ({ createdAt, updatedAt, ...project }: Project) => ({
    ...project,
    owner_uuid: cloud.account.uuid,
    owner_id: 1,
    is_default: isDefault(cloud, project.id),
    created_at: formatTimestamp(createdAt),
    updated_at: formatTimestamp(updatedAt),
  });
