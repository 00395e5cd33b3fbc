/** `slipway audit --run`: the program makes its platform in a cloud of this process, and each component of its apps is started once to be asked. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newKey, type Observation, type ProbeResult, type Prober, startProbe } from "../audit/probe/probe.ts";
import { Canaries } from "../audit/run/canary.ts";
import { withCanaries } from "../audit/run/run.ts";
import { realize } from "../engine/realize.ts";
import type { StackConfig } from "../engine/stackfile.ts";
import { EMPTY_STATE, type State } from "../engine/state.ts";
import type { Backing } from "../local/cloud/backing.ts";
import { openCloud } from "../local/cloud/open-cloud.ts";
import { recordOnly } from "../local/cloud/record-only.ts";
import { localCloudProvider } from "../local/program/provider.ts";

/** There is no server behind this cloud, so what the program itself would do in a database is left out; a job in an app is not. */
function withoutSteps({ project, config }: StackConfig): Record<string, string> {
  const key = `${project}:postDeploy`;
  const { mode } = JSON.parse(config[key] ?? "{}") as { readonly mode?: unknown };
  return mode === "job" ? {} : { [key]: JSON.stringify({ mode: "manual" }) };
}

/** Outputs that hold a secret as it is. */
const SECRET_OUTPUTS = ["password", "result", "secretKey"];

export const prober: Prober = async ({ program, directory, config }): Promise<Observation> => {
  const place = mkdtempSync(join(tmpdir(), "slipway-audit-"));
  const key = newKey();
  const probes: ProbeResult[] = [];
  const canaries = new Canaries("seen");
  const seeded = withCanaries(config, canaries);
  let state: State = EMPTY_STATE;
  const backing: Backing = {
    ...recordOnly,
    async deployApp({ name }, components) {
      for (const { name: component, kind, env } of components)
        if (kind !== "static_site") probes.push({ app: name, component, fingerprints: await startProbe(env, key) });
      return { ok: true };
    },
  };
  const cloud = await openCloud({ directory: place, backing, timings: "instant" });
  try {
    await realize(program, {
      ...seeded,
      config: { ...seeded.config, ...withoutSteps(config) },
      directory,
      provider: localCloudProvider(cloud),
      state: {
        load: () => EMPTY_STATE,
        save: async (next) => {
          state = next;
        },
      },
    });
    await cloud.idle();
  } finally {
    await cloud.close();
    rmSync(place, { recursive: true, force: true });
  }
  const values = new Map<string, readonly string[]>([...canaries.origins].map(([value, { id }]) => [id, [value]]));
  for (const { urn, outputs } of state.resources)
    values.set(
      urn,
      SECRET_OUTPUTS.map((name) => outputs[name]).filter((value) => typeof value === "string"),
    );
  return { probes, key, values };
};
