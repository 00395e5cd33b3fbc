/** The logs of components, at links that need no token of the account, as DigitalOcean's. A link is signed with a key of this process. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import type { LogType } from "../backing.ts";
import { badRequest, notFound } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { findApp } from "./app.ts";
import { activeDeployment, findDeployment } from "./deployment.ts";
import { componentsOf } from "./spec.ts";

const LOG_TYPES = ["BUILD", "DEPLOY", "RUN", "RUN_RESTARTED", "AUTOSCALE_EVENT"] as const;

export interface LogRequest {
  readonly app: string;
  /** @default the active deployment */
  readonly deployment?: string | undefined;
  readonly component: string;
  readonly type: string | null;
}

/** Where the log of a component is. Nothing is built here, and what a deployment does is in its steps, so only what runs has a log. */
export function findLog(cloud: Cloud, { app, deployment, component, type }: LogRequest): { readonly path: string } | undefined {
  const parsed = z.enum(LOG_TYPES).safeParse(type);
  if (!parsed.success) throw badRequest(`type must be one of ${LOG_TYPES.join(", ")}`);
  const found = deployment === undefined ? activeDeployment(cloud, findApp(cloud, app).id) : findDeployment(cloud, app, deployment);
  if (found === undefined) throw notFound("the app has no active deployment");
  if (!componentsOf(found.spec).some((one) => one.component.name === component)) throw notFound(`the app has no component "${component}"`);
  if (!isOfBacking(parsed.data)) return undefined;
  const subject = `${app}/${component}/${parsed.data}`;
  return { path: `${LOGS_PATH}${subject}/${signatureOf(cloud, subject)}` };
}

export const LOGS_PATH = "/_slipway/logs/";

/** @param path As `findLog` returns it. */
export async function readLog(cloud: Cloud, path: string): Promise<string> {
  const [app = "", component = "", type = "", signature = ""] = path.slice(LOGS_PATH.length).split("/");
  const given = Buffer.from(signature);
  const expected = Buffer.from(signatureOf(cloud, `${app}/${component}/${type}`));
  if (given.length !== expected.length || !timingSafeEqual(given, expected) || !isOfBacking(type)) throw notFound("log not found");
  return await cloud.backing.readLog(app, component, type);
}

const isOfBacking = (type: string): type is LogType => type === "RUN" || type === "RUN_RESTARTED";

const keys = new WeakMap<Cloud, Buffer>();

function signatureOf(cloud: Cloud, subject: string): string {
  const key = keys.get(cloud) ?? randomBytes(32);
  keys.set(cloud, key);
  return createHmac("sha256", key).update(subject).digest("hex");
}
