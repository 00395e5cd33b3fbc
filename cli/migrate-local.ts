/** The database of a system on the laptop's own platform, found as anybody would find it: by DigitalOcean's API. */
import { findProject } from "../engine/project.ts";
import { API_TOKEN } from "../local/platform/api.ts";
import { placeOf } from "../local/platform/place.ts";
import { lineTo } from "../local/platform/reach.ts";
import type { Connection } from "../postdeploy/connect/target.ts";
import type { System } from "../systems/definition.ts";

interface Cluster {
  readonly id: string;
  readonly engine: string;
  readonly db_names: readonly string[] | null;
  readonly users: readonly { readonly name: string; readonly password?: string }[] | null;
  readonly connection: { readonly host: string; readonly port: number; readonly user: string; readonly password: string };
}

export interface LocalConnections {
  /** To the system's database, as the role that owns what is in it. */
  readonly owner: Connection;
  /** To the server, as its admin, who may make a shadow database. */
  readonly admin: Connection;
}

/** @returns undefined where no platform runs, or none with this system. */
export async function localConnections({ postgres }: System): Promise<LocalConnections | undefined> {
  const line = lineTo(placeOf(findProject(process.cwd()).root));
  if (line === undefined) return undefined;
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await fetch(new URL(path, line.api), { headers: { authorization: `Bearer ${API_TOKEN}` } });
    if (!answer.ok) throw new Error(`The local platform's API answers ${answer.status} to ${path}. See: slipway local status`);
    return (await answer.json()) as T;
  };
  const { databases } = await ask<{ databases: readonly Cluster[] | null }>("/v2/databases?per_page=200");
  for (const { id, engine, db_names, users, connection } of databases ?? []) {
    const password = users?.find(({ name }) => name === postgres.roles.owner)?.password;
    if (engine !== "pg" || !db_names?.includes(postgres.database) || password === undefined) continue;
    const certificate = await ask<{ ca: { certificate: string } }>(`/v2/databases/${id}/ca`);
    const ca = Buffer.from(certificate.ca.certificate, "base64").toString("utf8");
    const { host, port, user, password: secret } = connection;
    const url = (name: string, key: string, database: string) =>
      `postgres://${name}:${encodeURIComponent(key)}@${host}:${port}/${database}`;
    return {
      owner: { url: url(postgres.roles.owner, password, postgres.database), ca },
      admin: { url: url(user, secret, "defaultdb"), ca },
    };
  }
  return undefined;
}
