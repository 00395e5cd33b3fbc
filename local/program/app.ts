/** Apps: sends the spec like the provider and waits until the deployment is active. */

import type { ResourceType } from "../../engine/cloud-provider.ts";
import type { Plain } from "../../engine/state.ts";
import { findAppNamed } from "../cloud/apps/app.ts";
import { CreateAppRequest, createApp, deleteApp, readApp, UpdateAppRequest, updateApp } from "../cloud/apps/apps.ts";
import { type Deployment, latestDeployment, phaseOf } from "../cloud/apps/deployment.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { ifExists, toSnakeCase, validate, withoutUnset } from "./mapping.ts";

export function app(cloud: Cloud): ResourceType {
  return {
    replaces: ["projectId"],
    deleteFirst: true,
    async create(inputs) {
      const { id } = await createApp(
        cloud,
        validate(CreateAppRequest, withoutUnset({ spec: specOf(inputs.spec), project_id: inputs.projectId })),
      );
      await waitUntilDeployed(id);
      return { id, outputs: outputsOf(id) };
    },
    async update(id, _olds, inputs) {
      await updateApp(cloud, id, validate(UpdateAppRequest, { spec: specOf(inputs.spec) }));
      await waitUntilDeployed(id);
      return outputsOf(id);
    },
    delete: async (id) => ifExists(() => deleteApp(cloud, id)),
    // After a restart the app may have another address, which is known only when it runs.
    read: (id) => ifExists(() => cloud.idle().then(() => outputsOf(id))),
    async find({ spec }) {
      const id = findAppNamed(cloud, String((spec as Plain | undefined)?.name))?.id;
      return id === undefined ? undefined : { id, outputs: outputsOf(id) };
    },
  };

  function outputsOf(id: string) {
    const { default_ingress, live_url, live_domain, active_deployment, created_at, updated_at, dedicated_ips } = readApp(cloud, id);
    return {
      appUrn: `do:app:${id}`,
      defaultIngress: default_ingress ?? "",
      liveUrl: live_url ?? "",
      liveDomain: live_domain ?? "",
      activeDeploymentId: active_deployment?.id ?? "",
      createdAt: created_at,
      updatedAt: updated_at,
      dedicatedIps: dedicated_ips ?? [],
    };
  }

  /** A deployment runs under the app's lock, so acquiring the lock waits for it. */
  async function waitUntilDeployed(id: string): Promise<void> {
    for (;;) {
      await cloud.withLock(`app ${id}`, async () => {});
      const latest = latestDeployment(cloud, id);
      if (!latest) return;
      const phase = phaseOf(cloud, latest);
      if (phase === "ACTIVE") return;
      if (latest.failure) throw new Error(failureOf(latest));
      if (["ERROR", "CANCELED", "SUPERSEDED"].includes(phase)) throw new Error(`its deployment is ${phase}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function failureOf({ spec, failure }: Deployment): string {
  const { component, message } = failure!;
  const isJob = spec.jobs?.some(({ name }) => name === component);
  return isJob ? `its job ${component} failed: ${message}` : `its component ${component} is not healthy: ${message}`;
}

/** The provider has lists where the API has single objects. */
export function specOf(spec: unknown): unknown {
  const { vpcs, domainNames, egresses, maintenance, ...rest } = spec as Record<string, unknown>;
  const [vpc] = (vpcs ?? []) as object[];
  const [egress] = (egresses ?? []) as object[];
  return toSnakeCase(
    withoutUnset({
      ...rest,
      vpc,
      egress,
      maintenance,
      domains: (domainNames as { name: string }[] | undefined)?.map(({ name, ...domain }) => ({ domain: name, ...domain })),
    }),
  );
}
