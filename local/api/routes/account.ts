import { viewAccount } from "../../cloud/account/account.ts";
import {
  AssignResourcesRequest,
  assignResources,
  CreateProjectRequest,
  createProject,
  deleteProject,
  listProjects,
  listResources,
  PatchProjectRequest,
  ReplaceProjectRequest,
  readProject,
  updateProject,
} from "../../cloud/account/projects.ts";
import {
  CreateTagRequest,
  createTag,
  deleteTag,
  listTags,
  readTag,
  TagResourcesRequest,
  tagResources,
  untagResources,
} from "../../cloud/account/tags.ts";
import {
  CreateSpacesKeyRequest,
  createSpacesKey,
  deleteSpacesKey,
  listSpacesKeys,
  readSpacesKey,
  UpdateSpacesKeyRequest,
  updateSpacesKey,
} from "../../cloud/spaces/spaces-keys.ts";
import { created, ok, paginate, type Request, replyEmpty } from "../request.ts";
import type { Routes } from "../router.ts";

const tag = ({ params }: Request) => params.tag_id!;
const key = ({ params }: Request) => params.access_key!;
const keyFilter = ({ query }: Request) => ({ name: query.get("name") ?? undefined, bucket: query.get("bucket") ?? undefined });
const updateKey = (r: Request) => ok({ key: updateSpacesKey(r.cloud, key(r), r.body(UpdateSpacesKeyRequest)) });

/** `default` is an alias for the id of the default project. */
const id = ({ params }: Request) => params.project_id ?? "default";

const forOne = (path: string): Routes => ({
  [`GET ${path}`]: (r) => ok({ project: readProject(r.cloud, id(r)) }),
  [`PUT ${path}`]: (r) => ok({ project: updateProject(r.cloud, id(r), r.body(ReplaceProjectRequest)) }),
  [`PATCH ${path}`]: (r) => ok({ project: updateProject(r.cloud, id(r), r.body(PatchProjectRequest)) }),
  [`GET ${path}/resources`]: (r) => paginate(r, "resources", listResources(r.cloud, id(r))),
  [`POST ${path}/resources`]: (r) => ok({ resources: assignResources(r.cloud, id(r), r.body(AssignResourcesRequest)) }),
});

export const accountRoutes: Routes = {
  "GET /v2/account": ({ cloud }) => ok({ account: viewAccount(cloud.account) }),

  "GET /v2/projects": (r) => paginate(r, "projects", listProjects(r.cloud)),
  "POST /v2/projects": (r) => created({ project: createProject(r.cloud, r.body(CreateProjectRequest)) }),
  ...forOne("/v2/projects/default"),
  ...forOne("/v2/projects/{project_id}"),
  "DELETE /v2/projects/{project_id}": (r) => replyEmpty(deleteProject(r.cloud, id(r))),

  "GET /v2/tags": (r) => paginate(r, "tags", listTags(r.cloud)),
  "POST /v2/tags": (r) => created({ tag: createTag(r.cloud, r.body(CreateTagRequest)) }),
  "GET /v2/tags/{tag_id}": (r) => ok({ tag: readTag(r.cloud, tag(r)) }),
  "DELETE /v2/tags/{tag_id}": (r) => replyEmpty(deleteTag(r.cloud, tag(r))),
  "POST /v2/tags/{tag_id}/resources": (r) => replyEmpty(tagResources(r.cloud, tag(r), r.body(TagResourcesRequest))),
  "DELETE /v2/tags/{tag_id}/resources": (r) => replyEmpty(untagResources(r.cloud, tag(r), r.body(TagResourcesRequest))),

  "GET /v2/spaces/keys": (r) => paginate(r, "keys", listSpacesKeys(r.cloud, keyFilter(r))),
  "POST /v2/spaces/keys": (r) => created({ key: createSpacesKey(r.cloud, r.body(CreateSpacesKeyRequest)) }),
  "GET /v2/spaces/keys/{access_key}": (r) => ok({ key: readSpacesKey(r.cloud, key(r)) }),
  "PUT /v2/spaces/keys/{access_key}": updateKey,
  "PATCH /v2/spaces/keys/{access_key}": updateKey,
  "DELETE /v2/spaces/keys/{access_key}": (r) => replyEmpty(deleteSpacesKey(r.cloud, key(r))),
};
