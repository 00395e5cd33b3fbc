/**
 * The roles inside the databases of a stack, compared with what the roles step declared. The state holds no connection, so the administrator's is read from
 * the API, as are the passwords of the roles: whether a role has changed its own shows only in a login.
 */
import { STEP } from "../../catalog/step-types.ts";
import type { PlannedResource } from "../../engine/plan.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { open } from "../../postdeploy/connect/session.ts";
import { sqlstate } from "../../postdeploy/connect/sqlstate.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import { type RolesOptions, rolesPlan } from "../../postdeploy/roles/index.ts";
import type { ApiClient, Json } from "./api.ts";
import { readAuthority } from "./cluster.ts";
import { TYPES } from "./kinds.ts";
import type { RolesDrift } from "./roles-drift.ts";
import type { State } from "./state.ts";

interface Deployed {
  readonly plan: { readonly resources: readonly PlannedResource[] };
  readonly state: State;
  readonly api: ApiClient;
}

const TIMEOUT_MS = 5000;

/** Of each system whose roles step has run. */
export async function compareRoles({ plan, state, api }: Deployed): Promise<readonly RolesDrift[]> {
  const stateOf = new Map(state.resources.map((resource) => [resource.urn, resource]));
  const found: RolesDrift[] = [];
  for (const step of plan.resources.filter(({ type }) => type === STEP.Roles)) {
    const declared = declarationOf(stateOf.get(step.urn)?.outputs ?? {});
    const cluster = step.propertyDependencies.url?.map((urn) => stateOf.get(urn)).find((resource) => resource?.type === TYPES.cluster);
    if (declared !== undefined && cluster !== undefined) found.push(await compareDatabase(api, cluster.id, declared));
  }
  return found;
}

type Declaration = Omit<RolesOptions, "connection"> & { readonly system: string };

/** As the state stores the step. */
function declarationOf(outputs: Readonly<Record<string, unknown>>): Declaration | undefined {
  const { system, database, schemas, extensions, roles, statementTimeoutSeconds } = outputs as unknown as Declaration;
  const isComplete = typeof system === "string" && typeof database === "string" && Array.isArray(schemas) && Array.isArray(extensions);
  return isComplete && typeof roles === "object" ? { system, database, schemas, extensions, roles, statementTimeoutSeconds } : undefined;
}

async function compareDatabase(api: ApiClient, cluster: string, { system, ...declared }: Declaration): Promise<RolesDrift> {
  const { database, roles } = declared;
  const empty = { system, database, cluster, statements: [], notices: [], rejected: [] };
  const login = await readLogin(api, cluster);
  if (login === undefined)
    return { ...empty, unread: "The token cannot read the administrator's password: it needs the scope database:view_credentials." };
  try {
    const administrator = login("", database);
    const { statements, notices } = await rolesPlan({ ...declared, connection: administrator }, { connectTimeoutMs: TIMEOUT_MS });
    const rejected: string[] = [];
    for (const role of Object.values(roles)) {
      const connection = login(role, database);
      if (connection !== undefined && (await isRejected(connection))) rejected.push(role);
    }
    return { ...empty, statements, notices, rejected };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { ...empty, unread: error.message };
  }
}

/** A function of a role to its connection. "" is the administrator. */
type Login = {
  (role: "", database: string): Connection;
  (role: string, database: string): Connection | undefined;
};

async function readLogin(api: ApiClient, cluster: string): Promise<Login | undefined> {
  const path = `/v2/databases/${cluster}`;
  const [reply, users, certificate] = await Promise.all([api.get(path), api.list(`${path}/users`, "users"), readAuthority(api, cluster)]);
  const { host, port, user, password } = ((reply?.database as Json | undefined)?.connection ?? {}) as Readonly<Record<string, string>>;
  if (!password) return undefined;
  const ca = certificate === "" ? {} : { ca: certificate };
  const passwords = new Map(users.map(({ name, password: word }) => [String(name), typeof word === "string" ? word : ""]));
  const connect = (name: string, word: string, database: string): Connection => ({
    url: `postgresql://${encodeURIComponent(name)}:${encodeURIComponent(word)}@${host}:${port}/${encodeURIComponent(database)}`,
    ...ca,
  });
  return ((role: string, database: string) => {
    if (role === "") return connect(user!, password, database);
    const word = passwords.get(role);
    return word ? connect(role, word, database) : undefined;
  }) as Login;
}

/** A role that cannot log in for another reason, such as a setting of its own, has a correct password as far as is known. */
async function isRejected(connection: Connection): Promise<boolean> {
  try {
    const session = await open(connection, { application: "slipway drift", connectTimeoutMs: TIMEOUT_MS });
    await session.end();
    return false;
  } catch (error) {
    return sqlstate((error as Error).cause ?? error) === "28P01";
  }
}
