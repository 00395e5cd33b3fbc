/**
 * The subset of slipway's rules that CrossGuard can judge: what a resource says in plain inputs. It is handed every secret as plaintext and
 * cannot tell which values are secret (pulumi-policy#241), so messages name paths and never values, and secrets are `slipway audit`'s.
 */
import type { Policies } from "@pulumi/policy";
import { appPolicies } from "./rules/apps.ts";
import { bucketPolicies } from "./rules/buckets.ts";
import { clusterPolicies } from "./rules/clusters.ts";
import { firewallPolicies } from "./rules/firewalls.ts";

export const policies: Policies = [...firewallPolicies, ...clusterPolicies, ...appPolicies, ...bucketPolicies];
