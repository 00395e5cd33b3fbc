import { z } from "zod";
import type { Cloud } from "../core/cloud.ts";
import { newPassword } from "../core/ids.ts";

export const MetricsCredentialsAsk = z.object({
  credentials: z.object({ basic_auth_username: z.string().min(1), basic_auth_password: z.string().min(1) }),
});
type Credentials = z.infer<typeof MetricsCredentialsAsk>["credentials"];

const kept = (cloud: Cloud) => cloud.store.kind<Credentials>("metrics-credentials");

/** The account's, for every cluster's metrics endpoint; made when somebody first asks. */
export function readMetricsCredentials(cloud: Cloud): Credentials {
  const known = kept(cloud).get("account");
  if (known) return known;
  const fresh = { basic_auth_username: "metrics", basic_auth_password: newPassword() };
  kept(cloud).put("account", fresh);
  return fresh;
}

export const setMetricsCredentials = (cloud: Cloud, { credentials }: z.infer<typeof MetricsCredentialsAsk>): void =>
  kept(cloud).put("account", credentials);
