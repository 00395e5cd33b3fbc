import { viewAccount } from "../cloud/account.ts";
import { ok } from "./request.ts";
import type { Routes } from "./router.ts";
import { appRoutes } from "./routes-apps.ts";
import { clusterRoutes } from "./routes-databases.ts";
import { domainRoutes } from "./routes-domains.ts";
import { monitoringRoutes } from "./routes-monitoring.ts";
import { networkRoutes } from "./routes-network.ts";
import { projectRoutes } from "./routes-projects.ts";
import { spacesKeyRoutes } from "./routes-spaces-keys.ts";

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
