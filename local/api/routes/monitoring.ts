import {
  AlertPolicyRequest,
  createAlertPolicy,
  deleteAlertPolicy,
  listAlertPolicies,
  readAlertPolicy,
  updateAlertPolicy,
} from "../../cloud/monitoring/alert-policies.ts";
import {
  CreateCheckRequest,
  CreateUptimeAlertRequest,
  createCheck,
  createUptimeAlert,
  deleteCheck,
  deleteUptimeAlert,
  listChecks,
  listUptimeAlerts,
  readCheck,
  readCheckState,
  readUptimeAlert,
  UpdateCheckRequest,
  UpdateUptimeAlertRequest,
  updateCheck,
  updateUptimeAlert,
} from "../../cloud/monitoring/uptime.ts";
import { created, ok, paginate, type Request, replyEmpty } from "../request.ts";
import type { Routes } from "../router.ts";

const check = ({ params }: Request) => params.check_id!;
const alert = ({ params }: Request) => params.alert_id!;
const policy = ({ params }: Request) => params.alert_uuid!;

export const monitoringRoutes: Routes = {
  "GET /v2/uptime/checks": (r) => paginate(r, "checks", listChecks(r.cloud)),
  "POST /v2/uptime/checks": (r) => created({ check: createCheck(r.cloud, r.body(CreateCheckRequest)) }),
  "GET /v2/uptime/checks/{check_id}": (r) => ok({ check: readCheck(r.cloud, check(r)) }),
  "PUT /v2/uptime/checks/{check_id}": (r) => ok({ check: updateCheck(r.cloud, check(r), r.body(UpdateCheckRequest)) }),
  "DELETE /v2/uptime/checks/{check_id}": (r) => replyEmpty(deleteCheck(r.cloud, check(r))),
  "GET /v2/uptime/checks/{check_id}/state": (r) => ok({ state: readCheckState(r.cloud, check(r)) }),

  "GET /v2/uptime/checks/{check_id}/alerts": (r) => paginate(r, "alerts", listUptimeAlerts(r.cloud, check(r))),
  "POST /v2/uptime/checks/{check_id}/alerts": (r) =>
    created({ alert: createUptimeAlert(r.cloud, check(r), r.body(CreateUptimeAlertRequest)) }),
  "GET /v2/uptime/checks/{check_id}/alerts/{alert_id}": (r) => ok({ alert: readUptimeAlert(r.cloud, check(r), alert(r)) }),
  "PUT /v2/uptime/checks/{check_id}/alerts/{alert_id}": (r) =>
    ok({ alert: updateUptimeAlert(r.cloud, check(r), alert(r), r.body(UpdateUptimeAlertRequest)) }),
  "DELETE /v2/uptime/checks/{check_id}/alerts/{alert_id}": (r) => replyEmpty(deleteUptimeAlert(r.cloud, check(r), alert(r))),

  "GET /v2/monitoring/alerts": (r) => paginate(r, "policies", listAlertPolicies(r.cloud)),
  "POST /v2/monitoring/alerts": (r) => ok({ policy: createAlertPolicy(r.cloud, r.body(AlertPolicyRequest)) }),
  "GET /v2/monitoring/alerts/{alert_uuid}": (r) => ok({ policy: readAlertPolicy(r.cloud, policy(r)) }),
  "PUT /v2/monitoring/alerts/{alert_uuid}": (r) => ok({ policy: updateAlertPolicy(r.cloud, policy(r), r.body(AlertPolicyRequest)) }),
  "DELETE /v2/monitoring/alerts/{alert_uuid}": (r) => replyEmpty(deleteAlertPolicy(r.cloud, policy(r))),
};
