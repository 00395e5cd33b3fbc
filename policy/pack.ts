/**
 * The subset of slipway's rules that CrossGuard can check: the plain inputs of resources. It receives every secret as plain text and does not know which
 * values are secret (pulumi-policy#241), so messages name paths and never values, and `slipway audit` checks secrets.
 */
import type { Policies } from "@pulumi/policy";
import { appPolicies } from "./rules/apps.ts";
import { bucketPolicies } from "./rules/buckets.ts";
import { clusterPolicies } from "./rules/clusters.ts";
import { firewallPolicies } from "./rules/firewalls.ts";

export const policies: Policies = [...firewallPolicies, ...clusterPolicies, ...appPolicies, ...bucketPolicies];
