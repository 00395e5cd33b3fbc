import { z } from "zod";
import { INSTANCE_SIZES } from "../../catalog/instances.ts";
import { findApp } from "../cloud/app.ts";
import { alertsOf, DestinationsAsk, setDestinations } from "../cloud/app-alerts.ts";
import { readAppSize, viewAppSize, viewHealth, viewInstances } from "../cloud/app-views.ts";
import { AppAsk, AppChange, createApp, deleteApp, listApps, ProposeAsk, proposeApp, readApp, updateApp } from "../cloud/apps.ts";
import {
  cancelDeployment,
  commitRollback,
  listDeployments,
  RollbackAsk,
  readDeployment,
  redeploy,
  restart,
  revertRollback,
  rollback,
  validateRollback,
} from "../cloud/deployments.ts";
import { APP_REGION_VIEWS } from "../cloud/offer.ts";
import { ok, page, type Request } from "./request.ts";
import type { Routes } from "./router.ts";

const id = ({ params }: Request) => params.app_id ?? params.id!;
const deployment = ({ params }: Request) => params.deployment_id!;

const DeploymentAsk = z.object({ force_build: z.boolean().optional() });
const RestartAsk = z.object({ components: z.array(z.string()).optional() });

export const appRoutes: Routes = {
  "GET /v2/apps": (r) => page(r, "apps", listApps(r.cloud)),
  "POST /v2/apps": async (r) => ok({ app: await createApp(r.cloud, r.body(AppAsk)) }),
  "GET /v2/apps/{id}": (r) => ok({ app: readApp(r.cloud, id(r)) }),
  "PUT /v2/apps/{id}": async (r) => ok({ app: await updateApp(r.cloud, id(r), r.body(AppChange)) }),
  "DELETE /v2/apps/{id}": async (r) => {
    await deleteApp(r.cloud, id(r));
    return ok({ id: id(r) });
  },

  "POST /v2/apps/propose": (r) => ok(proposeApp(r.cloud, r.body(ProposeAsk))),
  "GET /v2/apps/regions": () => ok({ regions: APP_REGION_VIEWS }),
  "GET /v2/apps/tiers/instance_sizes": () => ok({ instance_sizes: INSTANCE_SIZES.map(viewAppSize) }),
  "GET /v2/apps/tiers/instance_sizes/{slug}": (r) => ok({ instance_size: readAppSize(r.params.slug!) }),

  "GET /v2/apps/{app_id}/deployments": (r) => page(r, "deployments", listDeployments(r.cloud, id(r))),
  "POST /v2/apps/{app_id}/deployments": (r) => {
    r.body(DeploymentAsk);
    return ok({ deployment: redeploy(r.cloud, id(r)) });
  },
  "GET /v2/apps/{app_id}/deployments/{deployment_id}": (r) => ok({ deployment: readDeployment(r.cloud, id(r), deployment(r)) }),
  "POST /v2/apps/{app_id}/deployments/{deployment_id}/cancel": (r) => ok({ deployment: cancelDeployment(r.cloud, id(r), deployment(r)) }),
  "POST /v2/apps/{app_id}/restart": (r) => ok({ deployment: restart(r.cloud, id(r), r.body(RestartAsk).components ?? []) }),

  "POST /v2/apps/{app_id}/rollback": (r) => ok({ deployment: rollback(r.cloud, id(r), r.body(RollbackAsk)) }),
  "POST /v2/apps/{app_id}/rollback/validate": (r) => ok(validateRollback(r.cloud, id(r), r.body(RollbackAsk))),
  "POST /v2/apps/{app_id}/rollback/commit": (r) => {
    commitRollback(r.cloud, id(r));
    return ok({});
  },
  "POST /v2/apps/{app_id}/rollback/revert": (r) => ok({ deployment: revertRollback(r.cloud, id(r)) }),

  "GET /v2/apps/{app_id}/alerts": (r) => ok({ alerts: alertsOf(findApp(r.cloud, id(r))) }),
  "POST /v2/apps/{app_id}/alerts/{alert_id}/destinations": (r) => {
    const { emails, slack_webhooks } = r.body(DestinationsAsk);
    const destinations = { emails: emails ?? [], slack_webhooks: slack_webhooks ?? [] };
    return ok({ alert: setDestinations(r.cloud, id(r), r.params.alert_id!, destinations) });
  },
  "GET /v2/apps/{app_id}/instances": (r) => ok({ instances: viewInstances(r.cloud, id(r)) }),
  "GET /v2/apps/{app_id}/health": (r) => ok({ app_health: viewHealth(r.cloud, id(r)) }),
};
