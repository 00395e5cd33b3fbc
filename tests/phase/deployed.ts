/** FluxStudio on a local platform of its own, with a service that writes JSON files and Postgres by phase. */
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { parse } from "yaml";
import type { Phase } from "../../settings/settings.ts";
import { createProject, type Ran, type TestProject } from "../local-project.ts";
import { openStores, type Stores } from "./stores.ts";

const REFERENCE = fileURLToPath(new URL("../../local/apps/reference/main.ts", import.meta.url));
export const SUBJECT = ["--stack", "local", "--system", "fluxstudio"];
/** The service accepts any. */
const TOKEN = "reference";

export interface Row {
  readonly id: string;
  readonly name: string;
}

export interface Deployed {
  readonly project: TestProject;
  readonly stores: Stores;
  readonly url: string;
  /** In the stack's file. */
  setting(): { readonly phase: Phase; readonly phaseSince?: string };
  phase(command: string, ...more: string[]): Promise<Ran>;
  /** @returns what was printed */
  succeed(command: string, ...more: string[]): Promise<string>;
  /** The variables of the service; a secret is empty, because the API encrypts it again with each update of the app. */
  environment(): Promise<Record<string, string>>;
  deployments(): Promise<number>;
  createRow(name: string): Promise<Row>;
  readRow(id: string): Promise<{ readonly status: number; readonly row: Row }>;
  removeRow(id: string): Promise<void>;
  rows(): Promise<readonly Row[]>;
  /** As the owner of the database. */
  sql(statement: string): Promise<void>;
  remove(): Promise<void>;
}

export async function startDeployed(phase: Phase): Promise<Deployed> {
  // Of this process, and so of the commands that it starts.
  process.env.SLIPWAY_PROBE_TOKEN = TOKEN;
  const project = createProject();
  project.writeStackFile(`${project.stackFile().trimEnd()}\n  slipway:fluxstudio:\n    phase: ${phase}\n`);
  const { code, output } = await project.slipway(
    "local",
    "up",
    "--systems",
    "fluxstudio",
    "--program",
    `fluxstudio-local/api=${REFERENCE}`,
  );
  expect(code, output).toBe(0);
  const stores = await openStores(project);
  const url = await project.appUrl("fluxstudio-local");

  const appOf = async () => {
    const { apps } = await project.api("GET", "/v2/apps");
    return apps.find(({ spec }: { spec: { name: string } }) => spec.name === "fluxstudio-local");
  };
  const send = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const response = await fetch(`${url}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await response.text();
    return { status: response.status, row: text === "" ? undefined : JSON.parse(text) };
  };
  const run = (command: string, ...more: string[]) => project.slipway("phase", command, ...SUBJECT, ...more);
  return {
    ...{ project, stores, url, phase: run },
    setting: () => parse(project.stackFile()).config["slipway:fluxstudio"],
    async succeed(command, ...more) {
      const ran = await run(command, ...more);
      expect(ran.code, ran.output).toBe(0);
      return ran.output;
    },
    async environment() {
      const { services } = (await appOf()).spec;
      const { envs } = services.find(({ name }: { name: string }) => name === "api");
      return Object.fromEntries(
        envs.map(({ key, value = "" }: { key: string; value?: string }) => [key, value.startsWith("EV[") ? "" : value]),
      );
    },
    deployments: async () => (await project.api("GET", `/v2/apps/${(await appOf()).id}/deployments`)).deployments.length,
    async createRow(name) {
      const { status, row } = await send("POST", "/api/projects", { name, description: "" });
      expect(status).toBe(201);
      return row;
    },
    readRow: (id) => send("GET", `/api/projects/${id}`),
    removeRow: async (id) => expect((await send("DELETE", `/api/projects/${id}`)).status).toBe(204),
    rows: async () => (await send("GET", "/api/projects")).row.projects,
    sql: stores.sql,
    async remove() {
      await stores.close();
      await project.remove();
    },
  };
}
