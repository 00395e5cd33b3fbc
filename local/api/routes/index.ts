import type { Routes } from "../router.ts";
import { accountRoutes } from "./account.ts";
import { appRoutes } from "./apps.ts";
import { clusterRoutes } from "./databases.ts";
import { monitoringRoutes } from "./monitoring.ts";
import { networkRoutes } from "./network.ts";

/** Every route of the API. */
export const routes: Routes = { ...accountRoutes, ...networkRoutes, ...clusterRoutes, ...appRoutes, ...monitoringRoutes };
