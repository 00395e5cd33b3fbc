/** Alert policies of databases, uptime checks and their alerts. */

import type { ResourceType } from "../../engine/cloud-provider.ts";
import type { Plain } from "../../engine/state.ts";
import {
  AlertPolicyRequest,
  createAlertPolicy,
  deleteAlertPolicy,
  listAlertPolicies,
  readAlertPolicy,
  updateAlertPolicy,
} from "../cloud/monitoring/alert-policies.ts";
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
  readUptimeAlert,
  updateCheck,
  updateUptimeAlert,
} from "../cloud/monitoring/uptime.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { ifExists, text, validate, withoutUnset } from "./mapping.ts";

interface NotificationArgs {
  readonly emails?: readonly string[];
  readonly slacks?: readonly object[];
}

/** The provider has `emails` and `slacks`, the API `email` and `slack`. */
const notifications = (args: NotificationArgs | undefined) => ({ email: args?.emails ?? [], slack: args?.slacks ?? [] });

export function monitorAlert(cloud: Cloud): ResourceType {
  const policy = ({ alerts, ...inputs }: Plain) =>
    validate(AlertPolicyRequest, { ...withoutUnset(inputs), alerts: notifications(alerts as NotificationArgs) });
  return {
    replaces: [],
    async create(inputs) {
      const { uuid } = createAlertPolicy(cloud, policy(inputs));
      return { id: uuid, outputs: { uuid } };
    },
    update: async (id, _olds, inputs) => ({ uuid: updateAlertPolicy(cloud, id, policy(inputs)).uuid }),
    delete: async (id) => ifExists(() => deleteAlertPolicy(cloud, id)),
    read: (id) => ifExists(() => ({ uuid: readAlertPolicy(cloud, id).uuid })),
    async find({ description }) {
      const found = listAlertPolicies(cloud).find((other) => other.description === description);
      return found && { id: found.uuid, outputs: { uuid: found.uuid } };
    },
  };
}

export function uptimeCheck(cloud: Cloud): ResourceType {
  const check = (inputs: Plain) => validate(CreateCheckRequest, withoutUnset(inputs));
  return {
    replaces: [],
    create: async (inputs) => ({ id: createCheck(cloud, check(inputs)).id, outputs: {} }),
    update: async (id, _olds, inputs) => updateCheck(cloud, id, check(inputs)) && {},
    delete: async (id) => ifExists(() => deleteCheck(cloud, id)),
    read: (id) => ifExists(() => readCheck(cloud, id) && {}),
    async find({ name }) {
      const found = listChecks(cloud).find((other) => other.name === name);
      return found && { id: found.id, outputs: {} };
    },
  };
}

export function uptimeAlert(cloud: Cloud): ResourceType {
  const alert = ({ checkId: _, notifications: args, ...inputs }: Plain) =>
    validate(CreateUptimeAlertRequest, {
      ...withoutUnset(inputs),
      notifications: notifications((args as NotificationArgs[] | undefined)?.[0]),
    });
  const checkOf = ({ checkId }: Plain) => text(checkId);
  return {
    replaces: ["checkId"],
    create: async (inputs) => ({ id: createUptimeAlert(cloud, checkOf(inputs), alert(inputs)).id, outputs: {} }),
    update: async (id, _olds, inputs) => updateUptimeAlert(cloud, checkOf(inputs), id, alert(inputs)) && {},
    delete: async (id, { inputs }) => ifExists(() => deleteUptimeAlert(cloud, checkOf(inputs), id)),
    read: (id, inputs) => ifExists(() => readUptimeAlert(cloud, checkOf(inputs), id) && {}),
    async find(inputs) {
      const found = listUptimeAlerts(cloud, checkOf(inputs)).find(({ name }) => name === inputs.name);
      return found && { id: found.id, outputs: {} };
    },
  };
}
