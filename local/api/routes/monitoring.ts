import {
  AlertPolicyAsk,
  createAlertPolicy,
  deleteAlertPolicy,
  listAlertPolicies,
  readAlertPolicy,
  updateAlertPolicy,
} from "../../cloud/monitoring/alert-policies.ts";
import {
  CheckAsk,
  CheckChange,
  createCheck,
  createUptimeAlert,
  deleteCheck,
  deleteUptimeAlert,
  listChecks,
  listUptimeAlerts,
  readCheck,
  readCheckState,
  readUptimeAlert,
  UptimeAlertAsk,
  UptimeAlertChange,
  updateCheck,
  updateUptimeAlert,
} from "../../cloud/monitoring/uptime.ts";
import { created, ok, page, type Request, replyEmpty } from "../request.ts";
import type { Routes } from "../router.ts";

const check = ({ params }: Request) => params.check_id!;
const alert = ({ params }: Request) => params.alert_id!;
const policy = ({ params }: Request) => params.alert_uuid!;

export const monitoringRoutes: Routes = {
  "GET /v2/uptime/checks": (r) => page(r, "checks", listChecks(r.cloud)),
  "POST /v2/uptime/checks": (r) => created({ check: createCheck(r.cloud, r.body(CheckAsk)) }),
  "GET /v2/uptime/checks/{check_id}": (r) => ok({ check: readCheck(r.cloud, check(r)) }),
  "PUT /v2/uptime/checks/{check_id}": (r) => ok({ check: updateCheck(r.cloud, check(r), r.body(CheckChange)) }),
  "DELETE /v2/uptime/checks/{check_id}": (r) => replyEmpty(deleteCheck(r.cloud, check(r))),
  "GET /v2/uptime/checks/{check_id}/state": (r) => ok({ state: readCheckState(r.cloud, check(r)) }),

  "GET /v2/uptime/checks/{check_id}/alerts": (r) => page(r, "alerts", listUptimeAlerts(r.cloud, check(r))),
  "POST /v2/uptime/checks/{check_id}/alerts": (r) => created({ alert: createUptimeAlert(r.cloud, check(r), r.body(UptimeAlertAsk)) }),
  "GET /v2/uptime/checks/{check_id}/alerts/{alert_id}": (r) => ok({ alert: readUptimeAlert(r.cloud, check(r), alert(r)) }),
  "PUT /v2/uptime/checks/{check_id}/alerts/{alert_id}": (r) =>
    ok({ alert: updateUptimeAlert(r.cloud, check(r), alert(r), r.body(UptimeAlertChange)) }),
  "DELETE /v2/uptime/checks/{check_id}/alerts/{alert_id}": (r) => replyEmpty(deleteUptimeAlert(r.cloud, check(r), alert(r))),

  "GET /v2/monitoring/alerts": (r) => page(r, "policies", listAlertPolicies(r.cloud)),
  "POST /v2/monitoring/alerts": (r) => ok({ policy: createAlertPolicy(r.cloud, r.body(AlertPolicyAsk)) }),
  "GET /v2/monitoring/alerts/{alert_uuid}": (r) => ok({ policy: readAlertPolicy(r.cloud, policy(r)) }),
  "PUT /v2/monitoring/alerts/{alert_uuid}": (r) => ok({ policy: updateAlertPolicy(r.cloud, policy(r), r.body(AlertPolicyAsk)) }),
  "DELETE /v2/monitoring/alerts/{alert_uuid}": (r) => replyEmpty(deleteAlertPolicy(r.cloud, policy(r))),
};
