import { type Cloud, type CloudOptions, openCloud } from "../../cloud/open-cloud.ts";
import { recordOnly } from "../../cloud/record-only.ts";
import { cleanups, POSTGRES, temporaryDirectory, VALKEY } from "../../cloud/testing/cloud.ts";
import { createRouter } from "../router.ts";
import { type Api, type ApiOptions, startApi } from "../server.ts";
import { operations, requestViolations, responseViolations } from "./contract.ts";

export { POSTGRES, temporaryDirectory, VALKEY };

/** An API for one test, and a client that validates requests and replies against DigitalOcean's API document. */
export interface TestApi {
  readonly cloud: Cloud;
  readonly api: Api;
  readonly directory: string;
  /** Sends a valid request. Fails the test if the request or the reply violates the API document. */
  call(method: string, path: string, body?: unknown): Promise<TestReply>;
  /** Sends a request that may be invalid; only the reply is validated. */
  callInvalid(method: string, path: string, body?: unknown): Promise<TestReply>;
}

export interface TestReply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test fails if the expected fields are missing
  readonly body: any;
  readonly headers: Headers;
}

export const TOKEN = "a token for tests";

export async function startTestApi(options: Partial<CloudOptions> & { readonly tls?: ApiOptions["tls"] } = {}): Promise<TestApi> {
  const { tls, ...cloudOptions } = options;
  const directory = options.directory ?? temporaryDirectory();
  const cloud = await openCloud({ backing: recordOnly, ...cloudOptions, directory });
  const api = await startApi({ cloud, token: TOKEN, ...(tls && { tls }) });
  cleanups.push(async () => {
    await api.close();
    await cloud.close();
  });
  const request = async (method: string, path: string, body: unknown, strict: boolean): Promise<TestReply> => {
    const operation = operationOf(method, path);
    if (strict && body !== undefined) assertNoViolations(requestViolations(operation, body));
    const reply = await send(api.url, method, path, body);
    assertNoViolations(responseViolations(operation, reply.status, reply.body));
    return reply;
  };
  return {
    cloud,
    api,
    directory,
    call: (method, path, body) => request(method, path, body, true),
    callInvalid: (method, path, body) => request(method, path, body, false),
  };
}

export async function send(url: string, method: string, path: string, body?: unknown, token = TOKEN): Promise<TestReply> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : undefined, headers: response.headers };
}

const lookUp = createRouter(Object.fromEntries(operations.map((operation) => [operation, () => ({ status: 200 })])));

function operationOf(method: string, path: string): string {
  const lookup = lookUp(method, path.split("?")[0]!);
  if (!("found" in lookup)) throw new Error(`${method} ${path} is not in DigitalOcean's API document`);
  return lookup.found.name;
}

function assertNoViolations(mistakes: readonly string[]): void {
  if (mistakes.length > 0) throw new Error(`violates DigitalOcean's API document:\n  ${mistakes.join("\n  ")}`);
}

export async function createCluster({ call }: TestApi, request: object = POSTGRES): Promise<string> {
  const { body } = await call("POST", "/v2/databases", request);
  return body.database.id as string;
}
