import { z } from "zod";
import { orNotFound } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { Notifications } from "./uptime.ts";

const metrics = (prefix: string, names: string) => names.split(" ").map((name) => `${prefix}/${name}`);

/** The metrics that a policy may name. Droplets and load balancers do not exist here, but policies for them are accepted. */
const TYPES = [
  ...metrics("v1/dbaas/alerts", "load_15_alerts memory_utilization_alerts disk_utilization_alerts cpu_alerts"),
  ...metrics(
    "v1/insights/droplet",
    "load_1 load_5 load_15 memory_utilization_percent disk_utilization_percent cpu disk_read disk_write public_outbound_bandwidth " +
      "public_inbound_bandwidth private_outbound_bandwidth private_inbound_bandwidth",
  ),
  ...metrics(
    "v1/insights/lbaas",
    "avg_cpu_utilization_percent connection_utilization_percent droplet_health tls_connections_per_second_utilization_percent " +
      "increase_in_http_error_rate_percentage_5xx increase_in_http_error_rate_percentage_4xx increase_in_http_error_rate_count_5xx " +
      "increase_in_http_error_rate_count_4xx high_http_request_response_time high_http_request_response_time_50p " +
      "high_http_request_response_time_95p high_http_request_response_time_99p",
  ),
];

const strings = z
  .array(z.string())
  .optional()
  .transform((list) => list ?? []);

export const AlertPolicyRequest = z.object({
  type: z.string().refine((type) => TYPES.includes(type), "is no metric that can be watched"),
  description: z.string(),
  compare: z.enum(["GreaterThan", "LessThan"]),
  value: z.number(),
  window: z.enum(["5m", "10m", "30m", "1h"]),
  entities: strings,
  tags: strings,
  alerts: Notifications,
  enabled: z.boolean().default(true),
});
type PolicyFields = z.infer<typeof AlertPolicyRequest>;
type AlertPolicy = PolicyFields & { readonly uuid: string };

const policies = (cloud: Cloud) => cloud.store.collection<AlertPolicy>("alert-policies");

export const listAlertPolicies = (cloud: Cloud): AlertPolicy[] => policies(cloud).all();

export const readAlertPolicy = (cloud: Cloud, uuid: string): AlertPolicy => orNotFound(policies(cloud).get(uuid));

export const createAlertPolicy = (cloud: Cloud, request: PolicyFields): AlertPolicy => put(cloud, { uuid: newId(), ...request });

export const updateAlertPolicy = (cloud: Cloud, uuid: string, request: PolicyFields): AlertPolicy =>
  put(cloud, { ...request, uuid: readAlertPolicy(cloud, uuid).uuid });

export function deleteAlertPolicy(cloud: Cloud, uuid: string): void {
  readAlertPolicy(cloud, uuid);
  policies(cloud).delete(uuid);
}

function put(cloud: Cloud, policy: AlertPolicy): AlertPolicy {
  policies(cloud).put(policy.uuid, policy);
  return policy;
}
