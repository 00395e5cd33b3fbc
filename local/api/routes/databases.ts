import { z } from "zod";
import {
  installUpdate,
  MaintenanceWindowRequest,
  MigrateClusterRequest,
  migrateCluster,
  ResizeClusterRequest,
  readAutoscale,
  readServiceCnames,
  resizeCluster,
  ServiceCnamesRequest,
  setAutoscale,
  setMaintenance,
  setServiceCnames,
  UpgradeClusterRequest,
  upgradeCluster,
} from "../../cloud/databases/cluster-changes.ts";
import {
  listBackups,
  listEvents,
  MetricsCredentialsRequest,
  readCa,
  readMetricsCredentials,
  setMetricsCredentials,
  viewOptions,
} from "../../cloud/databases/cluster-info.ts";
import {
  CreateClusterRequest,
  createCluster,
  deleteCluster,
  listClusters,
  readCluster,
  StorageAutoscaleRequest,
} from "../../cloud/databases/clusters.ts";
import {
  EvictionPolicyRequest,
  PatchConfigRequest,
  patchConfig,
  readConfig,
  readEvictionPolicy,
  refuseSqlMode,
  setEvictionPolicy,
} from "../../cloud/databases/configs.ts";
import { CreateDatabaseRequest, createDatabase, deleteDatabase, listDatabases, readDatabase } from "../../cloud/databases/databases.ts";
import { FirewallRulesRequest, listRules, setRules } from "../../cloud/databases/firewall.ts";
import {
  CreateLogsinkRequest,
  createLogsink,
  deleteLogsink,
  listLogsinks,
  readLogsink,
  UpdateLogsinkRequest,
  updateLogsink,
} from "../../cloud/databases/logsinks.ts";
import { OnlineMigrationRequest, readMigration, startMigration, stopMigration } from "../../cloud/databases/online-migrations.ts";
import {
  CreatePoolRequest,
  createPool,
  deletePool,
  listPools,
  readPool,
  UpdatePoolRequest,
  updatePool,
} from "../../cloud/databases/pools.ts";
import {
  CreateReplicaRequest,
  createReplica,
  deleteReplica,
  listReplicas,
  promoteReplica,
  readReplica,
} from "../../cloud/databases/replicas.ts";
import {
  CreateUserRequest,
  createUser,
  deleteUser,
  listUsers,
  readUser,
  resetPassword,
  UpdateUserRequest,
  updateUser,
} from "../../cloud/databases/users.ts";
import { created, ok, paginateIfRequested, type Request, replyEmpty } from "../request.ts";
import type { Routes } from "../router.ts";

const id = ({ params }: Request) => params.database_cluster_uuid!;
const user = ({ params }: Request) => params.username!;
const database = ({ params }: Request) => params.database_name!;
const pool = ({ params }: Request) => params.pool_name!;
const replica = ({ params }: Request) => params.replica_name!;
const sink = ({ params }: Request) => params.logsink_id!;

const SetAutoscaleRequest = z.object({ storage: StorageAutoscaleRequest });
/** The fields of the API document apply only to MySQL. */
const ResetPasswordRequest = z.object({});

const C = "/v2/databases/{database_cluster_uuid}";

export const clusterRoutes: Routes = {
  "GET /v2/databases/options": ({ cloud }) => ok(viewOptions(cloud)),
  // The API document nests `credentials` twice; godo (and so the Terraform provider and doctl) reads it from the first level.
  "GET /v2/databases/metrics/credentials": (r) => {
    const credentials = readMetricsCredentials(r.cloud);
    return ok({ credentials: { ...credentials, credentials } });
  },
  "PUT /v2/databases/metrics/credentials": (r) => replyEmpty(setMetricsCredentials(r.cloud, r.body(MetricsCredentialsRequest))),

  "GET /v2/databases": (r) => paginateIfRequested(r, "databases", listClusters(r.cloud, r.query.get("tag_name") ?? undefined)),
  "POST /v2/databases": async (r) => created({ database: await createCluster(r.cloud, r.body(CreateClusterRequest)) }),
  [`GET ${C}`]: (r) => ok({ database: readCluster(r.cloud, id(r)) }),
  [`DELETE ${C}`]: (r) => replyEmpty(deleteCluster(r.cloud, id(r))),

  [`PUT ${C}/resize`]: (r) => replyEmpty(resizeCluster(r.cloud, id(r), r.body(ResizeClusterRequest)), 202),
  [`PUT ${C}/migrate`]: (r) => replyEmpty(migrateCluster(r.cloud, id(r), r.body(MigrateClusterRequest)), 202),
  [`PUT ${C}/upgrade`]: (r) => replyEmpty(upgradeCluster(r.cloud, id(r), r.body(UpgradeClusterRequest))),
  [`PUT ${C}/maintenance`]: (r) => replyEmpty(setMaintenance(r.cloud, id(r), r.body(MaintenanceWindowRequest))),
  [`PUT ${C}/install_update`]: (r) => replyEmpty(installUpdate(r.cloud, id(r))),
  // The API document puts `storage` under `autoscale`; godo reads it from the top level.
  [`GET ${C}/autoscale`]: (r) => {
    const autoscale = readAutoscale(r.cloud, id(r));
    return ok({ ...autoscale, autoscale });
  },
  [`PUT ${C}/autoscale`]: (r) => replyEmpty(setAutoscale(r.cloud, id(r), r.body(SetAutoscaleRequest).storage)),
  [`GET ${C}/do_settings`]: (r) => ok({ do_settings: readServiceCnames(r.cloud, id(r)) }),
  [`PUT ${C}/do_settings`]: (r) => replyEmpty(setServiceCnames(r.cloud, id(r), r.body(ServiceCnamesRequest))),

  [`GET ${C}/config`]: (r) => ok({ config: readConfig(r.cloud, id(r)) }),
  [`PATCH ${C}/config`]: (r) => replyEmpty(patchConfig(r.cloud, id(r), r.body(PatchConfigRequest)), 200),
  [`GET ${C}/eviction_policy`]: (r) => ok({ eviction_policy: readEvictionPolicy(r.cloud, id(r)) }),
  [`PUT ${C}/eviction_policy`]: (r) => replyEmpty(setEvictionPolicy(r.cloud, id(r), r.body(EvictionPolicyRequest))),
  [`GET ${C}/sql_mode`]: (r) => refuseSqlMode(r.cloud, id(r)),
  [`PUT ${C}/sql_mode`]: (r) => refuseSqlMode(r.cloud, id(r)),

  [`GET ${C}/ca`]: (r) => ok({ ca: readCa(r.cloud, id(r)) }),
  [`GET ${C}/backups`]: (r) => ok({ backups: listBackups(r.cloud, id(r)) }),
  [`GET ${C}/events`]: (r) => ok({ events: listEvents(r.cloud, id(r)) }),

  [`GET ${C}/firewall`]: (r) => ok({ rules: listRules(r.cloud, id(r)) }),
  [`PUT ${C}/firewall`]: (r) => replyEmpty(setRules(r.cloud, id(r), r.body(FirewallRulesRequest))),

  [`GET ${C}/users`]: (r) => paginateIfRequested(r, "users", listUsers(r.cloud, id(r))),
  [`POST ${C}/users`]: async (r) => created({ user: await createUser(r.cloud, id(r), r.body(CreateUserRequest)) }),
  [`GET ${C}/users/{username}`]: (r) => ok({ user: readUser(r.cloud, id(r), user(r)) }),
  [`PUT ${C}/users/{username}`]: async (r) => created({ user: await updateUser(r.cloud, id(r), user(r), r.body(UpdateUserRequest)) }),
  [`DELETE ${C}/users/{username}`]: (r) => replyEmpty(deleteUser(r.cloud, id(r), user(r))),
  [`POST ${C}/users/{username}/reset_auth`]: async (r) => {
    r.body(ResetPasswordRequest);
    return ok({ user: await resetPassword(r.cloud, id(r), user(r)) });
  },

  [`GET ${C}/dbs`]: (r) => paginateIfRequested(r, "dbs", listDatabases(r.cloud, id(r))),
  [`POST ${C}/dbs`]: async (r) => created({ db: await createDatabase(r.cloud, id(r), r.body(CreateDatabaseRequest)) }),
  [`GET ${C}/dbs/{database_name}`]: (r) => ok({ db: readDatabase(r.cloud, id(r), database(r)) }),
  [`DELETE ${C}/dbs/{database_name}`]: (r) => replyEmpty(deleteDatabase(r.cloud, id(r), database(r))),

  [`GET ${C}/pools`]: (r) => paginateIfRequested(r, "pools", listPools(r.cloud, id(r))),
  [`POST ${C}/pools`]: async (r) => created({ pool: await createPool(r.cloud, id(r), r.body(CreatePoolRequest)) }),
  [`GET ${C}/pools/{pool_name}`]: (r) => ok({ pool: readPool(r.cloud, id(r), pool(r)) }),
  [`PUT ${C}/pools/{pool_name}`]: (r) => replyEmpty(updatePool(r.cloud, id(r), pool(r), r.body(UpdatePoolRequest))),
  [`DELETE ${C}/pools/{pool_name}`]: (r) => replyEmpty(deletePool(r.cloud, id(r), pool(r))),

  [`GET ${C}/replicas`]: (r) => paginateIfRequested(r, "replicas", listReplicas(r.cloud, id(r))),
  [`POST ${C}/replicas`]: async (r) => created({ replica: await createReplica(r.cloud, id(r), r.body(CreateReplicaRequest)) }),
  [`GET ${C}/replicas/{replica_name}`]: (r) => ok({ replica: readReplica(r.cloud, id(r), replica(r)) }),
  [`DELETE ${C}/replicas/{replica_name}`]: (r) => replyEmpty(deleteReplica(r.cloud, id(r), replica(r))),
  [`PUT ${C}/replicas/{replica_name}/promote`]: (r) => replyEmpty(promoteReplica(r.cloud, id(r), replica(r))),

  [`GET ${C}/logsink`]: (r) => ok({ sinks: listLogsinks(r.cloud, id(r)) }),
  [`POST ${C}/logsink`]: (r) => created({ sink: createLogsink(r.cloud, id(r), r.body(CreateLogsinkRequest)) }),
  // Not wrapped in a key, unlike the other routes; DigitalOcean does the same.
  [`GET ${C}/logsink/{logsink_id}`]: (r) => ok(readLogsink(r.cloud, id(r), sink(r))),
  [`PUT ${C}/logsink/{logsink_id}`]: (r) => replyEmpty(updateLogsink(r.cloud, id(r), sink(r), r.body(UpdateLogsinkRequest)), 200),
  [`DELETE ${C}/logsink/{logsink_id}`]: (r) => replyEmpty(deleteLogsink(r.cloud, id(r), sink(r)), 200),

  [`GET ${C}/online-migration`]: (r) => ok(readMigration(r.cloud, id(r))),
  [`PUT ${C}/online-migration`]: async (r) => {
    r.body(OnlineMigrationRequest);
    return ok(await startMigration(r.cloud, id(r)));
  },
  [`DELETE ${C}/online-migration/{migration_id}`]: (r) => replyEmpty(stopMigration(r.cloud, id(r), r.params.migration_id!)),
};
