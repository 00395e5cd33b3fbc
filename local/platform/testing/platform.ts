/** A local platform for one test file: the API with real servers and apps. */
import { fileURLToPath } from "node:url";
import { removeHome, temporaryHome } from "../../servers/testing/servers.ts";
import { API_TOKEN } from "../defaults.ts";
import { type Host, openHost } from "../host.ts";
import { type Workspace, workspaceAt } from "../workspace.ts";

const CHECKOUT = fileURLToPath(new URL("../../../", import.meta.url));
const DEPLOYMENT_TIMEOUT_MS = 120_000;

export interface TestHost {
  readonly workspace: Workspace;
  readonly host: Host;
  /** The lines that the platform logged. */
  readonly log: readonly string[];
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Creates the app and waits until its deployment has finished. */
  create(spec: object): Promise<DeployedApp>;
  update(id: string, spec: object): Promise<DeployedApp>;
  remove(id: string): Promise<void>;
  /** Closes the platform and opens it again with the same state. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read the fields that they expect
  readonly body: any;
}

export interface DeployedApp {
  readonly id: string;
  readonly app: Answer["body"];
  readonly deployment: Answer["body"];
}

export async function startTestHost(): Promise<TestHost> {
  const workspace = workspaceAt(CHECKOUT, temporaryHome());
  const log: string[] = [];
  const open = () => openHost(workspace, { log: (line) => log.push(line) });
  let host = await open();

  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${host.api.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${API_TOKEN}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  async function deployed({ status, body }: Answer): Promise<DeployedApp> {
    if (status !== 200) throw new Error(`${status} ${body.message}`);
    const { id } = body.app;
    for (const until = Date.now() + DEPLOYMENT_TIMEOUT_MS; Date.now() < until; await new Promise((resolve) => setTimeout(resolve, 25))) {
      const [deployment] = (await call("GET", `/v2/apps/${id}/deployments`)).body.deployments;
      if (["ACTIVE", "ERROR", "CANCELED"].includes(deployment.phase))
        return { id, deployment, app: (await call("GET", `/v2/apps/${id}`)).body.app };
    }
    throw new Error(`the deployment of app ${body.app.spec.name} has not finished after ${DEPLOYMENT_TIMEOUT_MS / 1000} seconds`);
  }

  return {
    workspace,
    get host() {
      return host;
    },
    log,
    call,
    create: async (spec) => deployed(await call("POST", "/v2/apps", { spec })),
    update: async (id, spec) => deployed(await call("PUT", `/v2/apps/${id}`, { spec })),
    async remove(id) {
      const { status, body } = await call("DELETE", `/v2/apps/${id}`);
      if (status !== 200) throw new Error(`${status} ${body.message}`);
    },
    async restart() {
      await host.close(true);
      host = await open();
      await host.cloud.idle();
    },
    async close() {
      await host.close(true);
      await removeHome(workspace.home);
    },
  };
}
