import { viewAccount } from "../../cloud/account/account.ts";
import { ok } from "../request.ts";
import type { Routes } from "../router.ts";
import { appRoutes } from "./apps.ts";
import { clusterRoutes } from "./databases.ts";
import { domainRoutes } from "./domains.ts";
import { monitoringRoutes } from "./monitoring.ts";
import { networkRoutes } from "./network.ts";
import { projectRoutes } from "./projects.ts";
import { spacesKeyRoutes } from "./spaces-keys.ts";

/** Everything that the API answers. */
export const routes: Routes = {
  "GET /v2/account": ({ cloud }) => ok({ account: viewAccount(cloud.account) }),
  ...networkRoutes,
  ...clusterRoutes,
  ...appRoutes,
  ...projectRoutes,
  ...domainRoutes,
  ...monitoringRoutes,
  ...spacesKeyRoutes,
};
