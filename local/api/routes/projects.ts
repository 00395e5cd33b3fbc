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
import { created, noContent, ok, page, type Request } from "../request.ts";
import type { Routes } from "../router.ts";

/** `default` is as good as the default project's id. */
const id = ({ params }: Request) => params.project_id ?? "default";

const forOne = (path: string): Routes => ({
  [`GET ${path}`]: (r) => ok({ project: readProject(r.cloud, id(r)) }),
  [`PUT ${path}`]: (r) => ok({ project: updateProject(r.cloud, id(r), r.body(ProjectReplacement)) }),
  [`PATCH ${path}`]: (r) => ok({ project: updateProject(r.cloud, id(r), r.body(ProjectChange)) }),
  [`GET ${path}/resources`]: (r) => page(r, "resources", listResources(r.cloud, id(r))),
  [`POST ${path}/resources`]: (r) => ok({ resources: assignResources(r.cloud, id(r), r.body(ProjectResourcesAsk)) }),
});

export const projectRoutes: Routes = {
  "GET /v2/projects": (r) => page(r, "projects", listProjects(r.cloud)),
  "POST /v2/projects": (r) => created({ project: createProject(r.cloud, r.body(ProjectAsk)) }),
  ...forOne("/v2/projects/default"),
  ...forOne("/v2/projects/{project_id}"),
  "DELETE /v2/projects/{project_id}": (r) => {
    deleteProject(r.cloud, id(r));
    return noContent;
  },
};
