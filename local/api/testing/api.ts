import { afterEach } from "vitest";
import { type Cloud, type CloudOptions, openCloud } from "../../cloud/open-cloud.ts";
import { recordOnly } from "../../cloud/record-only.ts";
import { POSTGRES, temporaryDirectory, VALKEY } from "../../cloud/testing/cloud.ts";
import { createRouter } from "../router.ts";
import { type Api, type ApiOptions, startApi } from "../server.ts";
import { operations, requestViolations, responseViolations } from "./contract.ts";

export { POSTGRES, temporaryDirectory, VALKEY };

/** An API of its own for one test, and a client that lets nothing pass that DigitalOcean's description would not. */
export interface TestApi {
  readonly cloud: Cloud;
  readonly api: Api;
  readonly directory: string;
  /** Sends a request that is right by the description; fails the test where either side of it is not. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Sends one that need not be right: only the answer is held against the description. */
  callInvalid(method: string, path: string, body?: unknown): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  readonly body: any;
  readonly headers: Headers;
}

export const TOKEN = "a token for tests";
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of cleanups.splice(0).reverse()) await close();
});

export async function startTestApi(options: Partial<CloudOptions> & { readonly tls?: ApiOptions["tls"] } = {}): Promise<TestApi> {
  const { tls, ...cloudOptions } = options;
  const directory = options.directory ?? temporaryDirectory();
  const cloud = await openCloud({ backing: recordOnly, ...cloudOptions, directory });
  const api = await startApi({ cloud, token: TOKEN, ...(tls && { tls }) });
  let open = true;
  cleanups.push(async () => {
    if (!open) return;
    open = false;
    await api.close();
    await cloud.close();
  });
  const request = async (method: string, path: string, body: unknown, strict: boolean): Promise<Answer> => {
    const operation = operationOf(method, path);
    if (strict && body !== undefined) assertNoViolations(requestViolations(operation, body));
    const answer = await send(api.url, method, path, body);
    assertNoViolations(responseViolations(operation, answer.status, answer.body));
    return answer;
  };
  return {
    cloud,
    api,
    directory,
    call: (method, path, body) => request(method, path, body, true),
    callInvalid: (method, path, body) => request(method, path, body, false),
  };
}

export async function send(url: string, method: string, path: string, body?: unknown, token = TOKEN): Promise<Answer> {
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
  if (!("found" in lookup)) throw new Error(`${method} ${path} is not in DigitalOcean's description`);
  return lookup.found.name;
}

function assertNoViolations(mistakes: readonly string[]): void {
  if (mistakes.length > 0) throw new Error(`not as DigitalOcean describes it:\n  ${mistakes.join("\n  ")}`);
}

export async function createCluster({ call }: TestApi, request: object = POSTGRES): Promise<string> {
  const { body } = await call("POST", "/v2/databases", request);
  return body.database.id as string;
}
