/** The package's front: every component, alone or together, with the types of its arguments. */
export {
  App,
  type AppArgs,
  type AppComponent,
  type AppDatabase,
  type AppEnv,
  type AppJob,
  type AppService,
  type AppSite,
  type AppWorker,
  type Quiet,
} from "./app.ts";
export { Backups, type BackupsArgs, type BackupTarget } from "./backups.ts";
export { Bucket, type BucketArgs, type BucketCors } from "./bucket.ts";
export type { Maintenance } from "./cluster.ts";
export { Firewall, type FirewallArgs, type TrustedSources } from "./firewall.ts";
export { Monitoring, type MonitoringArgs, type WatchedDatabase, type WatchedEndpoint } from "./monitoring.ts";
export { type ExistingNetwork, Network, type NetworkArgs, type NetworkRef, type OwnNetwork } from "./network.ts";
export { type PlatformArgs, platform } from "./platform.ts";
export { PostDeploy, type PostDeployArgs } from "./postdeploy.ts";
export {
  Postgres,
  type PostgresAdoption,
  type PostgresArgs,
  type PostgresDatabase,
  type PostgresPool,
  type PostgresReplica,
  type PostgresTransforms,
  type PostgresUser,
  type Via,
} from "./postgres.ts";
export { EnvMemory, MEMORY_OUTPUT } from "./quiet.ts";
export { Secrets, type SecretsArgs } from "./secrets.ts";
export type { Transform } from "./transform.ts";
export { Valkey, type ValkeyArgs } from "./valkey.ts";
