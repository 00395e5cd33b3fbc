/** A platform of its own for one test file: the API with the real servers and the apps behind it. */
import { fileURLToPath } from "node:url";
import { removeHome, temporaryHome } from "../../servers/testing/servers.ts";
import { API_TOKEN } from "../defaults.ts";
import { type Host, openHost } from "../host.ts";
import { type Workspace, workspaceAt } from "../workspace.ts";

const CHECKOUT = fileURLToPath(new URL("../../../", import.meta.url));
const LONGEST_DEPLOYMENT_MS = 120_000;

export interface TestHost {
  readonly place: Workspace;
  readonly host: Host;
  /** What the platform reported. */
  readonly log: readonly string[];
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Creates the app, and waits until its deployment is over. */
  create(spec: object): Promise<DeployedApp>;
  update(id: string, spec: object): Promise<DeployedApp>;
  remove(id: string): Promise<void>;
  /** Closes the platform and opens it again on the same state. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  readonly body: any;
}

export interface DeployedApp {
  readonly id: string;
  readonly app: Answer["body"];
  readonly deployment: Answer["body"];
}

export async function startTestHost(): Promise<TestHost> {
  const place = workspaceAt(CHECKOUT, temporaryHome());
  const log: string[] = [];
  const open = () => openHost(place, { log: (line) => log.push(line) });
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
    for (const until = Date.now() + LONGEST_DEPLOYMENT_MS; Date.now() < until; await new Promise((resolve) => setTimeout(resolve, 25))) {
      const [deployment] = (await call("GET", `/v2/apps/${id}/deployments`)).body.deployments;
      if (["ACTIVE", "ERROR", "CANCELED"].includes(deployment.phase))
        return { id, deployment, app: (await call("GET", `/v2/apps/${id}`)).body.app };
    }
    throw new Error(`the deployment of app ${body.app.spec.name} is not over after ${LONGEST_DEPLOYMENT_MS / 1000} seconds`);
  }

  return {
    place,
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
      await removeHome(place.home);
    },
  };
}
