import { z } from "zod";
import { INSTANCE_SIZES } from "../../../catalog/instances.ts";
import { AlertDestinationsRequest, alertsOf, setDestinations } from "../../cloud/apps/alerts.ts";
import { findApp } from "../../cloud/apps/app.ts";
import {
  CreateAppRequest,
  createApp,
  deleteApp,
  listApps,
  ProposeAppRequest,
  proposeApp,
  readApp,
  UpdateAppRequest,
  updateApp,
} from "../../cloud/apps/apps.ts";
import {
  cancelDeployment,
  commitRollback,
  listDeployments,
  RollbackRequest,
  readDeployment,
  redeploy,
  restart,
  revertRollback,
  rollback,
  validateRollback,
} from "../../cloud/apps/deployments.ts";
import { findLog } from "../../cloud/apps/logs.ts";
import { APP_REGION_VIEWS } from "../../cloud/apps/regions.ts";
import { readAppSize, viewAppSize, viewHealth, viewInstances } from "../../cloud/apps/views.ts";
import { ok, paginate, type Reply, type Request } from "../request.ts";
import type { Routes } from "../router.ts";

const id = ({ params }: Request) => params.app_id ?? params.id!;
const deployment = ({ params }: Request) => params.deployment_id!;

const CreateDeploymentRequest = z.object({ force_build: z.boolean().optional() });
const RestartRequest = z.object({ components: z.array(z.string()).optional() });

function showLog({ cloud, params, query, url }: Request): Reply {
  const { app_id: app = "", deployment_id, component_name: component = "" } = params;
  const log = findLog(cloud, { app, deployment: deployment_id, component, type: query.get("type") });
  // DigitalOcean's live link keeps sending what is printed; the archived one ends, and is all there is here.
  return ok({ historic_urls: log === undefined ? [] : [new URL(log.path, url).href] });
}

export const appRoutes: Routes = {
  "GET /v2/apps": (r) => paginate(r, "apps", listApps(r.cloud)),
  "POST /v2/apps": async (r) => ok({ app: await createApp(r.cloud, r.body(CreateAppRequest)) }),
  "GET /v2/apps/{id}": (r) => ok({ app: readApp(r.cloud, id(r)) }),
  "PUT /v2/apps/{id}": async (r) => ok({ app: await updateApp(r.cloud, id(r), r.body(UpdateAppRequest)) }),
  "DELETE /v2/apps/{id}": async (r) => {
    await deleteApp(r.cloud, id(r));
    return ok({ id: id(r) });
  },

  "POST /v2/apps/propose": (r) => ok(proposeApp(r.cloud, r.body(ProposeAppRequest))),
  "GET /v2/apps/regions": () => ok({ regions: APP_REGION_VIEWS }),
  "GET /v2/apps/tiers/instance_sizes": () => ok({ instance_sizes: INSTANCE_SIZES.map(viewAppSize) }),
  "GET /v2/apps/tiers/instance_sizes/{slug}": (r) => ok({ instance_size: readAppSize(r.params.slug!) }),

  "GET /v2/apps/{app_id}/deployments": (r) => paginate(r, "deployments", listDeployments(r.cloud, id(r))),
  "POST /v2/apps/{app_id}/deployments": (r) => {
    r.body(CreateDeploymentRequest);
    return ok({ deployment: redeploy(r.cloud, id(r)) });
  },
  "GET /v2/apps/{app_id}/deployments/{deployment_id}": (r) => ok({ deployment: readDeployment(r.cloud, id(r), deployment(r)) }),
  "POST /v2/apps/{app_id}/deployments/{deployment_id}/cancel": (r) => ok({ deployment: cancelDeployment(r.cloud, id(r), deployment(r)) }),
  "POST /v2/apps/{app_id}/restart": (r) => ok({ deployment: restart(r.cloud, id(r), r.body(RestartRequest).components ?? []) }),

  "POST /v2/apps/{app_id}/rollback": (r) => ok({ deployment: rollback(r.cloud, id(r), r.body(RollbackRequest)) }),
  "POST /v2/apps/{app_id}/rollback/validate": (r) => ok(validateRollback(r.cloud, id(r), r.body(RollbackRequest))),
  "POST /v2/apps/{app_id}/rollback/commit": (r) => {
    commitRollback(r.cloud, id(r));
    return ok({});
  },
  "POST /v2/apps/{app_id}/rollback/revert": (r) => ok({ deployment: revertRollback(r.cloud, id(r)) }),

  "GET /v2/apps/{app_id}/alerts": (r) => ok({ alerts: alertsOf(findApp(r.cloud, id(r))) }),
  "POST /v2/apps/{app_id}/alerts/{alert_id}/destinations": (r) => {
    const { emails, slack_webhooks } = r.body(AlertDestinationsRequest);
    const destinations = { emails: emails ?? [], slack_webhooks: slack_webhooks ?? [] };
    return ok({ alert: setDestinations(r.cloud, id(r), r.params.alert_id!, destinations) });
  },
  "GET /v2/apps/{app_id}/components/{component_name}/logs": showLog,
  "GET /v2/apps/{app_id}/deployments/{deployment_id}/components/{component_name}/logs": showLog,
  "GET /v2/apps/{app_id}/instances": (r) => ok({ instances: viewInstances(r.cloud, id(r)) }),
  "GET /v2/apps/{app_id}/health": (r) => ok({ app_health: viewHealth(r.cloud, id(r)) }),
};
