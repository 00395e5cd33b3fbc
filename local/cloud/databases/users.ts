import { z } from "zod";
import { forbidden, orNotFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newPassword } from "../core/ids.ts";
import {
  type Cluster,
  changeOnline,
  findCluster,
  requirePostgres,
  toBackedPool,
  toBackedUser,
  type User,
  usersOf,
  viewUser,
  viewUsers,
} from "./cluster.ts";

const UserSettings = z.object({ pg_allow_replication: z.boolean().optional() });

export const CreateUserRequest = z.object({ name: z.string(), settings: UserSettings.optional() });
export const UpdateUserRequest = z.object({ settings: UserSettings });

export const listUsers = (cloud: Cloud, id: string) => viewUsers(findCluster(cloud, id));

export function readUser(cloud: Cloud, id: string, name: string) {
  const cluster = findCluster(cloud, id);
  return viewUser(cluster, findUser(cluster, name));
}

export async function createUser(cloud: Cloud, id: string, request: z.infer<typeof CreateUserRequest>) {
  requirePostgres(findCluster(cloud, id), "users");
  if (!/^[a-zA-Z_][a-zA-Z0-9_-]{0,62}$/.test(request.name)) {
    throw unprocessable("invalid user name: at most 63 letters, digits, underscores and dashes, beginning with a letter or an underscore");
  }
  const user: User = { name: request.name, password: newPassword(), settings: request.settings ?? {} };
  await changeOnline(cloud, id, async (cluster) => {
    if (usersOf(cluster).some(({ name }) => name === user.name)) throw unprocessable("user name is not available");
    await cloud.backing.createUser(id, toBackedUser(user));
    return { users: [...cluster.users, user] };
  });
  return readUser(cloud, id, user.name);
}

export async function updateUser(cloud: Cloud, id: string, name: string, { settings }: z.infer<typeof UpdateUserRequest>) {
  await changeUser(cloud, id, name, (user) => ({ ...user, settings: { ...user.settings, ...settings } }));
  return readUser(cloud, id, name);
}

/** Sets a new password and updates the pools that use it. */
export async function resetPassword(cloud: Cloud, id: string, name: string) {
  await changeUser(cloud, id, name, (user) => ({ ...user, password: newPassword() }));
  return readUser(cloud, id, name);
}

export async function deleteUser(cloud: Cloud, id: string, name: string): Promise<void> {
  await changeOnline(cloud, id, async (cluster) => {
    const user = findUser(cluster, name);
    if (user.name === cluster.admin.name) throw forbidden(`user ${name} belongs to the cluster and cannot be deleted`);
    const pool = cluster.pools.find((pool) => pool.user === name);
    if (pool) throw unprocessable(`user ${name} is in use by connection pool ${pool.name}`);
    await cloud.backing.dropUser(id, name);
    return { users: cluster.users.filter((other) => other.name !== name) };
  });
}

async function changeUser(cloud: Cloud, id: string, name: string, change: (user: User) => User): Promise<void> {
  await changeOnline(cloud, id, async (cluster) => {
    const user = change(findUser(cluster, name));
    const swap = (other: User) => (other.name === name ? user : other);
    const changed = { admin: swap(cluster.admin), users: cluster.users.map(swap) };
    await cloud.backing.setPassword(id, toBackedUser(user));
    for (const pool of cluster.pools.filter((pool) => pool.user === name)) await cloud.backing.setPool(id, toBackedPool(changed, pool));
    return changed;
  });
}

function findUser(cluster: Cluster, name: string): User {
  const user = usersOf(cluster).find((other) => other.name === name);
  return orNotFound(user, "user not found");
}
