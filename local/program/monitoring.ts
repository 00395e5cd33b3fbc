/** Who is told of what: alert policies of databases, checks of endpoints and the alerts of those. */

import type { ResourceType } from "../../engine/cloud-provider.ts";
import type { Plain } from "../../engine/state.ts";
import {
  AlertPolicyAsk,
  createAlertPolicy,
  deleteAlertPolicy,
  readAlertPolicy,
  updateAlertPolicy,
} from "../cloud/monitoring/alert-policies.ts";
import {
  CheckAsk,
  createCheck,
  createUptimeAlert,
  deleteCheck,
  deleteUptimeAlert,
  readCheck,
  readUptimeAlert,
  UptimeAlertAsk,
  updateCheck,
  updateUptimeAlert,
} from "../cloud/monitoring/uptime.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { ask, ifThere } from "./kind.ts";
import { said, text } from "./names.ts";

interface Told {
  readonly emails?: readonly string[];
  readonly slacks?: readonly object[];
}

/** The program says emails and slacks, the API email and slack. */
const notifications = (told: Told | undefined) => ({ email: told?.emails ?? [], slack: told?.slacks ?? [] });

export function monitorAlert(cloud: Cloud): ResourceType {
  const policy = ({ alerts, ...inputs }: Plain) => ask(AlertPolicyAsk, { ...said(inputs), alerts: notifications(alerts as Told) });
  return {
    replaces: [],
    async create(inputs) {
      const { uuid } = createAlertPolicy(cloud, policy(inputs));
      return { id: uuid, outputs: { uuid } };
    },
    update: async (id, _olds, inputs) => ({ uuid: updateAlertPolicy(cloud, id, policy(inputs)).uuid }),
    delete: async (id) => ifThere(() => deleteAlertPolicy(cloud, id)),
    read: (id) => ifThere(() => ({ uuid: readAlertPolicy(cloud, id).uuid })),
  };
}

export function uptimeCheck(cloud: Cloud): ResourceType {
  const check = (inputs: Plain) => ask(CheckAsk, said(inputs));
  return {
    replaces: [],
    create: async (inputs) => ({ id: createCheck(cloud, check(inputs)).id, outputs: {} }),
    update: async (id, _olds, inputs) => updateCheck(cloud, id, check(inputs)) && {},
    delete: async (id) => ifThere(() => deleteCheck(cloud, id)),
    read: (id) => ifThere(() => readCheck(cloud, id) && {}),
  };
}

export function uptimeAlert(cloud: Cloud): ResourceType {
  const alert = ({ checkId: _, notifications: told, ...inputs }: Plain) =>
    ask(UptimeAlertAsk, { ...said(inputs), notifications: notifications((told as Told[] | undefined)?.[0]) });
  const checkOf = ({ checkId }: Plain) => text(checkId);
  return {
    replaces: ["checkId"],
    create: async (inputs) => ({ id: createUptimeAlert(cloud, checkOf(inputs), alert(inputs)).id, outputs: {} }),
    update: async (id, _olds, inputs) => updateUptimeAlert(cloud, checkOf(inputs), id, alert(inputs)) && {},
    delete: async (id, { inputs }) => ifThere(() => deleteUptimeAlert(cloud, checkOf(inputs), id)),
    read: (id, inputs) => ifThere(() => readUptimeAlert(cloud, checkOf(inputs), id) && {}),
  };
}
