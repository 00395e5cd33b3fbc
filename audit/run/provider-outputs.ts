/** Outputs of providers in an audit: addresses that do not exist, and a canary for every secret output. */
import { type PlannedResource, Secret, type Value } from "../../engine/plan.ts";
import { type Canaries, type Origin, originOf } from "./canary.ts";

type Outputs = Record<string, unknown>;

/** It only looks like a certificate: nothing verifies it. */
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIBaudit\n-----END CERTIFICATE-----\n";

export function providerOutputs(canaries: Canaries): {
  outputs(resource: PlannedResource): Outputs;
  invokes(token: string, args: Readonly<Record<string, Value>>): Outputs;
} {
  return {
    outputs(resource) {
      const origin = originOf(resource);
      const secrets = Object.fromEntries(
        (resource.options.additionalSecretOutputs ?? []).map((output) => [output, secretOf(output, resource, origin, canaries)]),
      );
      return { id: resource.id ?? `${resource.name}-id`, ...publicOutputs(resource), ...secrets };
    },
    invokes(token, args) {
      const kind = token.slice(token.lastIndexOf(":") + 1);
      if (kind === "getDatabaseCa") return { id: "ca", certificate: CERTIFICATE };
      const secrets = INVOKED[kind];
      if (secrets === undefined) return {};
      const name = String(args.name ?? args.id ?? args.clusterId ?? "?");
      const origin: Origin = { id: `${kind} ${name}`, what: `${kind} ${name}`, kind: "provider" };
      return { ...connection(name), ...Object.fromEntries(secrets.map((output) => [output, secretValue(output, name, origin, canaries)])) };
    },
  };
}

/** The secrets that a data source returns. The SDK does not mark them as secret. */
const INVOKED: Readonly<Record<string, readonly string[]>> = {
  getDatabaseCluster: ["password", "uri", "privateUri"],
  getDatabaseConnectionPool: ["password", "uri", "privateUri"],
  getDatabaseReplica: ["password", "uri", "privateUri"],
  getDatabaseUser: ["password"],
  getKubernetesCluster: ["kubeConfigs"],
};

function secretOf(output: string, { type, name, inputs }: PlannedResource, origin: Origin, canaries: Canaries): unknown {
  // The program may depend on the requested length.
  if (type.startsWith("random:") && output === "result") {
    const { length } = inputs;
    return new Secret(canaries.create(origin, typeof length === "number" && length > 11 ? length : 32));
  }
  return new Secret(secretValue(output, name, origin, canaries) as Value);
}

/** A cluster's URLs contain its password. Every other secret is a value of its own. */
function secretValue(output: string, name: string, origin: Origin, canaries: Canaries): unknown {
  if (output === "password") return canaries.create(origin);
  if (/uri$/i.test(output) && output !== "uiUri") return `postgresql://doadmin:${canaries.create(origin)}@${name}.db.test:25060/defaultdb`;
  if (output === "kubeConfigs") return [{ rawConfig: canaries.create(origin, undefined, output) }];
  return canaries.create(origin, undefined, output);
}

function publicOutputs({ type, name, inputs }: PlannedResource): Outputs {
  switch (type.slice(type.lastIndexOf(":") + 1)) {
    case "DatabaseCluster":
      return { ...connection(name), user: inputs.engine === "valkey" ? "default" : "doadmin", clusterUrn: `do:dbaas:${name}` };
    case "DatabaseConnectionPool":
    case "DatabaseReplica":
      return { ...connection(name), uuid: `${name}-uuid` };
    case "DatabaseUser":
      return { role: "normal" };
    case "Vpc":
      return { ipRange: inputs.ipRange ?? "10.99.0.0/20", vpcUrn: `do:vpc:${name}` };
    case "App":
      return { ...appAddress(name), appUrn: `do:app:${name}`, activeDeploymentId: `${name}-deployment` };
    case "SpacesBucket":
      return { bucketUrn: `do:space:${name}`, bucketDomainName: `${name}.spaces.test`, endpoint: "spaces.test" };
    case "SpacesKey":
      return { accessKey: `${name}-access` };
    default:
      return {};
  }
}

function connection(name: string): Outputs {
  return { host: `${name}.db.test`, privateHost: `private-${name}.db.test`, port: 25060, user: "doadmin", database: "defaultdb" };
}

function appAddress(name: string): Outputs {
  return { liveUrl: `https://${name}.app.test`, defaultIngress: `https://${name}.app.test`, liveDomain: `${name}.app.test` };
}
