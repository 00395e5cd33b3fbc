import { viewAccount } from "../../cloud/account/account.ts";
import {
  assignResources,
  createProject,
  deleteProject,
  listProjects,
  listResources,
  ProjectAsk,
  ProjectChange,
  ProjectReplacement,
  ProjectResourcesAsk,
  readProject,
  updateProject,
} from "../../cloud/account/projects.ts";
import {
  createTag,
  deleteTag,
  listTags,
  readTag,
  TagAsk,
  TagResourcesAsk,
  tagResources,
  untagResources,
} from "../../cloud/account/tags.ts";
import {
  createSpacesKey,
  deleteSpacesKey,
  listSpacesKeys,
  readSpacesKey,
  SpacesKeyAsk,
  SpacesKeyChange,
  updateSpacesKey,
} from "../../cloud/spaces/spaces-keys.ts";
import { created, ok, page, type Request, replyEmpty } from "../request.ts";
import type { Routes } from "../router.ts";

const tag = ({ params }: Request) => params.tag_id!;
const key = ({ params }: Request) => params.access_key!;
const keyFilter = ({ query }: Request) => ({ name: query.get("name") ?? undefined, bucket: query.get("bucket") ?? undefined });
const updateKey = (r: Request) => ok({ key: updateSpacesKey(r.cloud, key(r), r.body(SpacesKeyChange)) });

/** `default` is as good as the default project's id. */
const id = ({ params }: Request) => params.project_id ?? "default";

const forOne = (path: string): Routes => ({
  [`GET ${path}`]: (r) => ok({ project: readProject(r.cloud, id(r)) }),
  [`PUT ${path}`]: (r) => ok({ project: updateProject(r.cloud, id(r), r.body(ProjectReplacement)) }),
  [`PATCH ${path}`]: (r) => ok({ project: updateProject(r.cloud, id(r), r.body(ProjectChange)) }),
  [`GET ${path}/resources`]: (r) => page(r, "resources", listResources(r.cloud, id(r))),
  [`POST ${path}/resources`]: (r) => ok({ resources: assignResources(r.cloud, id(r), r.body(ProjectResourcesAsk)) }),
});

export const accountRoutes: Routes = {
  "GET /v2/account": ({ cloud }) => ok({ account: viewAccount(cloud.account) }),

  "GET /v2/projects": (r) => page(r, "projects", listProjects(r.cloud)),
  "POST /v2/projects": (r) => created({ project: createProject(r.cloud, r.body(ProjectAsk)) }),
  ...forOne("/v2/projects/default"),
  ...forOne("/v2/projects/{project_id}"),
  "DELETE /v2/projects/{project_id}": (r) => replyEmpty(deleteProject(r.cloud, id(r))),

  "GET /v2/tags": (r) => page(r, "tags", listTags(r.cloud)),
  "POST /v2/tags": (r) => created({ tag: createTag(r.cloud, r.body(TagAsk)) }),
  "GET /v2/tags/{tag_id}": (r) => ok({ tag: readTag(r.cloud, tag(r)) }),
  "DELETE /v2/tags/{tag_id}": (r) => replyEmpty(deleteTag(r.cloud, tag(r))),
  "POST /v2/tags/{tag_id}/resources": (r) => replyEmpty(tagResources(r.cloud, tag(r), r.body(TagResourcesAsk))),
  "DELETE /v2/tags/{tag_id}/resources": (r) => replyEmpty(untagResources(r.cloud, tag(r), r.body(TagResourcesAsk))),

  "GET /v2/spaces/keys": (r) => page(r, "keys", listSpacesKeys(r.cloud, keyFilter(r))),
  "POST /v2/spaces/keys": (r) => created({ key: createSpacesKey(r.cloud, r.body(SpacesKeyAsk)) }),
  "GET /v2/spaces/keys/{access_key}": (r) => ok({ key: readSpacesKey(r.cloud, key(r)) }),
  "PUT /v2/spaces/keys/{access_key}": updateKey,
  "PATCH /v2/spaces/keys/{access_key}": updateKey,
  "DELETE /v2/spaces/keys/{access_key}": (r) => replyEmpty(deleteSpacesKey(r.cloud, key(r))),
};
