/** Resource types of a cluster: databases, users, pools, replicas, the firewall and the configuration. */

import type { ResourceType } from "../../engine/cloud-provider.ts";
import type { Plain } from "../../engine/state.ts";
import { findCluster, statusOf } from "../cloud/databases/cluster.ts";
import { ResizeClusterRequest, resizeCluster } from "../cloud/databases/cluster-changes.ts";
import { PatchConfigRequest, patchConfig } from "../cloud/databases/configs.ts";
import { CreateDatabaseRequest, createDatabase, deleteDatabase, readDatabase } from "../cloud/databases/databases.ts";
import { FirewallRulesRequest, listRules, setRules } from "../cloud/databases/firewall.ts";
import { CreatePoolRequest, createPool, deletePool, readPool } from "../cloud/databases/pools.ts";
import { CreateReplicaRequest, createReplica, deleteReplica, readReplica } from "../cloud/databases/replicas.ts";
import { CreateUserRequest, createUser, deleteUser, readUser, UpdateUserRequest, updateUser } from "../cloud/databases/users.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { ifExists, text, toSnakeCase, validate, withoutUnset } from "./mapping.ts";

const clusterOf = ({ clusterId }: Plain): string => text(clusterId);
const nameOf = ({ name }: Plain): string => text(name);
const ALL = ["*"];

/** What every cluster has. A program that declares one of them is refused, as at DigitalOcean. */
const BUILT_IN = ["defaultdb", "doadmin"];

/** `read` and `find` of a resource that is identified by its inputs. */
const lookups = (
  idOf: (inputs: Plain) => string,
  read: (inputs: Plain) => Promise<Plain | undefined>,
): Required<Pick<ResourceType, "read" | "find">> => ({
  read: (_id, inputs) => read(inputs),
  find: async (inputs) => {
    if (BUILT_IN.includes(String(inputs.name))) return undefined;
    const outputs = await read(inputs);
    return outputs && { id: idOf(inputs), outputs };
  },
});

export function databaseDb(cloud: Cloud): ResourceType {
  const idOf = (inputs: Plain) => `${clusterOf(inputs)}/database/${nameOf(inputs)}`;
  const read = (inputs: Plain) => ifExists(() => readDatabase(cloud, clusterOf(inputs), nameOf(inputs)) && {});
  return {
    replaces: ALL,
    async create(inputs) {
      await createDatabase(cloud, clusterOf(inputs), validate(CreateDatabaseRequest, { name: inputs.name }));
      return { id: idOf(inputs), outputs: {} };
    },
    delete: async (_id, { inputs }) => ifExists(() => deleteDatabase(cloud, clusterOf(inputs), nameOf(inputs))),
    ...lookups(idOf, read),
  };
}

export function databaseUser(cloud: Cloud): ResourceType {
  const idOf = (inputs: Plain) => `${clusterOf(inputs)}/user/${nameOf(inputs)}`;
  const settingsOf = ({ settings }: Plain) => {
    const [first] = (settings ?? []) as { pgAllowReplication?: boolean }[];
    return first?.pgAllowReplication === undefined ? {} : { settings: { pg_allow_replication: first.pgAllowReplication } };
  };
  const outputs = ({ role, password }: { role?: string; password?: string }) => ({ role: role ?? "normal", password: password ?? "" });
  const read = (inputs: Plain) => ifExists(() => outputs(readUser(cloud, clusterOf(inputs), nameOf(inputs))));
  return {
    replaces: ["clusterId", "name"],
    deleteFirst: true,
    async create(inputs) {
      const user = await createUser(cloud, clusterOf(inputs), validate(CreateUserRequest, { name: inputs.name, ...settingsOf(inputs) }));
      return { id: idOf(inputs), outputs: outputs(user) };
    },
    async update(_id, _olds, inputs) {
      const change = validate(UpdateUserRequest, { settings: {}, ...settingsOf(inputs) });
      return outputs(await updateUser(cloud, clusterOf(inputs), nameOf(inputs), change));
    },
    delete: async (_id, { inputs }) => ifExists(() => deleteUser(cloud, clusterOf(inputs), nameOf(inputs))),
    ...lookups(idOf, read),
  };
}

/**
 * The API can change a pool in place, but the provider always replaces it. A pool that was changed in the account to what the program declares stays, as it
 * does after a refresh of Pulumi's state.
 */
export function connectionPool(cloud: Cloud): ResourceType {
  const idOf = (inputs: Plain) => `${clusterOf(inputs)}/${nameOf(inputs)}`;
  const outputs = ({ user, size, mode, db, connection, private_connection: privateConnection }: ReturnType<typeof readPool>) => {
    const { host, port, password, uri } = connection;
    return {
      user,
      size,
      mode,
      dbName: db,
      host,
      port,
      password,
      uri,
      privateHost: privateConnection.host,
      privateUri: privateConnection.uri,
    };
  };
  const read = (inputs: Plain) => ifExists(() => outputs(readPool(cloud, clusterOf(inputs), nameOf(inputs))));
  return {
    replaces: ALL,
    deleteFirst: true,
    async create(inputs) {
      const { name, size, mode, user, dbName } = inputs;
      return {
        id: idOf(inputs),
        outputs: outputs(
          await createPool(cloud, clusterOf(inputs), validate(CreatePoolRequest, withoutUnset({ name, size, mode, user, db: dbName }))),
        ),
      };
    },
    async diff(id, olds, { user = "", ...inputs }) {
      const is: Plain = { ...olds, id };
      const wanted: Plain = { id: idOf(inputs), user, size: inputs.size, mode: inputs.mode, dbName: inputs.dbName };
      const replaces = Object.keys(wanted).filter((key) => is[key] !== wanted[key]);
      return { changes: replaces.length > 0, replaces };
    },
    delete: async (_id, { inputs }) => ifExists(() => deletePool(cloud, clusterOf(inputs), nameOf(inputs))),
    ...lookups(idOf, read),
  };
}

export function databaseReplica(cloud: Cloud): ResourceType {
  const idOf = (inputs: Plain) => `${clusterOf(inputs)}/replicas/${nameOf(inputs)}`;
  const readReplicaOf = (inputs: Plain) => readReplica(cloud, clusterOf(inputs), nameOf(inputs));
  const outputs = async (inputs: Plain) => {
    const { id } = readReplicaOf(inputs);
    await cloud.withLock(id, async () => {});
    if (statusOf(cloud, findCluster(cloud, id)) !== "online") throw new Error("its server does not start. See: slipway local logs");
    const { connection, private_connection: privateConnection } = readReplicaOf(inputs);
    const { host, port, user, password, uri, database } = connection;
    return { uuid: id, host, port, user, password, uri, database, privateHost: privateConnection.host, privateUri: privateConnection.uri };
  };
  return {
    replaces: ["clusterId", "name", "region", "privateNetworkUuid", "tags"],
    deleteFirst: true,
    async create(inputs) {
      const { name, region, size, privateNetworkUuid, tags, storageSizeMib } = inputs;
      const request = {
        ...{ name, region, size, tags, private_network_uuid: privateNetworkUuid },
        storage_size_mib: storageSizeMib === undefined ? undefined : Number(storageSizeMib),
      };
      await createReplica(cloud, clusterOf(inputs), validate(CreateReplicaRequest, withoutUnset(request)));
      return { id: idOf(inputs), outputs: await outputs(inputs) };
    },
    async update(_id, _olds, inputs) {
      await resizeCluster(cloud, readReplicaOf(inputs).id, validate(ResizeClusterRequest, { size: inputs.size, num_nodes: 1 }));
      return outputs(inputs);
    },
    delete: async (_id, { inputs }) => ifExists(() => deleteReplica(cloud, clusterOf(inputs), nameOf(inputs))),
    ...lookups(idOf, (inputs) => ifExists(() => outputs(inputs))),
  };
}

/** Deleting the firewall opens the cluster to every address, as at DigitalOcean. The components therefore retain it. */
export function databaseFirewall(cloud: Cloud): ResourceType {
  const set = async (inputs: Plain) => {
    await setRules(cloud, clusterOf(inputs), validate(FirewallRulesRequest, { rules: inputs.rules }));
    return {};
  };
  return {
    replaces: ["clusterId"],
    async create(inputs) {
      return { outputs: await set(inputs), id: `${clusterOf(inputs)}-firewall` };
    },
    update: (_id, _olds, inputs) => set(inputs),
    delete: async (_id, { inputs }) => ifExists(() => setRules(cloud, clusterOf(inputs), { rules: [] })),
    read: (_id, inputs) => ifExists(() => (listRules(cloud, clusterOf(inputs)).length > 0 ? {} : undefined)),
  };
}

/** Deleting the resource does not change the configuration. */
export function databaseConfig(cloud: Cloud, nameOf: (field: string) => string | undefined): ResourceType {
  const patch = async (inputs: Plain) => {
    const { clusterId: _, ...fields } = inputs;
    const config = Object.entries(withoutUnset(fields)).flatMap(([field, value]) => {
      const name = nameOf(field);
      // The provider has lists of one element where the API has objects.
      return name === undefined || value === 0
        ? []
        : [[name, toSnakeCase(Array.isArray(value) && typeof value[0] === "object" ? value[0] : value)]];
    });
    await patchConfig(cloud, clusterOf(inputs), validate(PatchConfigRequest, { config: Object.fromEntries(config) }));
    return {};
  };
  return {
    replaces: ["clusterId"],
    async create(inputs) {
      return { outputs: await patch(inputs), id: `${clusterOf(inputs)}/config` };
    },
    update: (_id, _olds, inputs) => patch(inputs),
    delete: async () => {},
    read: (_id, inputs) => ifExists(() => findCluster(cloud, clusterOf(inputs)) && {}),
  };
}
