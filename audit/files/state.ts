/** Searches an exported state for secrets that are not encrypted: `pulumi stack export --file state.json`. */
import { ProjectError } from "../../engine/projecterror.ts";
import type { Finding, Station } from "../../report/audit.ts";
import { finding } from "../finding.ts";
import { shapesIn } from "../shapes.ts";

/** The key that marks a special object in Pulumi's protocol, and its value for a secret. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Secret outputs of providers, by type and property. */
const SECRET_PROPERTIES: readonly (readonly [type: RegExp, property: RegExp])[] = [
  [/:DatabaseCluster$/, /^(password|uri|privateUri|uiPassword|uiUri)$/],
  [/:(DatabaseConnectionPool|DatabaseReplica)$/, /^(password|uri|privateUri)$/],
  [/:DatabaseUser$/, /^(password|accessCert|accessKey)$/],
  [/:SpacesKey$/, /^secretKey$/],
  [/:Certificate$/, /^privateKey$/],
  [/:ContainerRegistryDockerCredentials$/, /^dockerCredentials$/],
  [/:KubernetesCluster$/, /^kubeConfigs$/],
  [/:random\w*:RandomPassword$|RandomPassword$/, /^(result|bcryptHash)$/],
  [/:PrivateKey$/, /^privateKey\w*$/],
  [/^pulumi:providers:/, /(token|secret\w*|password)$/i],
];
/** The DigitalOcean provider stores every variable of an app as a secret, whatever its type. */
const APP_VALUE = /envs\[\d+\]\.value$/;

interface Resource {
  readonly urn?: string;
  readonly type?: string;
  readonly inputs?: unknown;
  readonly outputs?: unknown;
}

/** @throws {ProjectError} if it is not an exported state of version 3 */
export function stateFaults(text: string, name: string): readonly Finding[] {
  const resources = resourcesOf(text, name);
  return resources.flatMap((resource) => {
    const { urn = "?", type = "" } = resource;
    const stack = type === "pulumi:pulumi:Stack";
    return [
      ...leaves(resource.inputs, "inputs").flatMap((leaf) => leafFaults(leaf, urn, type, false)),
      ...leaves(resource.outputs, "outputs").flatMap((leaf) => leafFaults(leaf, urn, type, stack)),
    ];
  });
}

function resourcesOf(text: string, name: string): readonly Resource[] {
  const wrong = (problem: string) => new ProjectError(`${name} ${problem}. Write it with: pulumi stack export --file state.json`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw wrong(`is not JSON (${(error as Error).message})`);
  }
  const { version, deployment } = (parsed ?? {}) as { version?: unknown; deployment?: { resources?: unknown } };
  if (version !== 3 || typeof deployment !== "object" || deployment === null) throw wrong(`is not an exported state of version 3`);
  // A stack that was never deployed has none.
  return (deployment.resources ?? []) as readonly Resource[];
}

interface Leaf {
  readonly path: string;
  readonly text: string;
  /** Marked as secret, but exported in plain text. */
  readonly shown: boolean;
}

function leaves(value: unknown, path: string, shown = false): Leaf[] {
  if (typeof value === "string") return [{ path, text: value, shown }];
  if (Array.isArray(value)) return value.flatMap((item, index) => leaves(item, `${path}[${index}]`, shown));
  if (value === null || typeof value !== "object") return [];
  const { [SIGNATURE]: signature, plaintext, ciphertext } = value as Readonly<Record<string, unknown>>;
  if (signature === SECRET && typeof ciphertext === "string" && plaintext === undefined) return [];
  if (signature === SECRET && typeof plaintext === "string") return [{ path, text: plaintext, shown: true }];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}.${key}`, shown));
}

function leafFaults({ path, text, shown }: Leaf, urn: string, type: string, isStack: boolean): Finding[] {
  if (text === "" || text === '""' || text === "null") return [];
  const station: Station = { what: `${path} of ${urn.slice(urn.lastIndexOf("::") + 2)}`, urn, path };
  if (shown) return [finding({ rule: "state-shown", message: `${station.what} is exported in plain text.`, flow: [station] })];
  const property = /^\w+\.(\w+)/.exec(path)?.[1] ?? "";
  const isSecret =
    SECRET_PROPERTIES.some(([of, what]) => of.test(type) && what.test(property)) || (type.endsWith(":App") && APP_VALUE.test(path));
  const [shape] = shapesIn(text);
  const why = isSecret
    ? `is not encrypted, though ${type.slice(type.lastIndexOf(":") + 1)}.${property} is a secret`
    : shape && `contains what looks like ${shape.what}`;
  return why === undefined
    ? []
    : [
        finding({
          rule: "state-plaintext",
          message: `${isStack ? `The stack output ${path.slice("outputs.".length)}` : station.what} ${why}.`,
          flow: [station],
        }),
      ];
}
