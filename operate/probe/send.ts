/** One request of a prober, on a connection of its own. */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

export interface ProbeRequest {
  readonly method?: string;
  readonly url: string;
  readonly body?: string;
  readonly token?: string | undefined;
}

export interface ProbeAnswer {
  /** undefined where there is no answer, and `text` says why. */
  readonly status: number | undefined;
  readonly text: string;
  readonly milliseconds: number;
}

const TIMEOUT_MS = 20_000;
const MOST_CHARACTERS = 64 * 1024;

export function send({ method = "GET", url, body, token }: ProbeRequest): Promise<ProbeAnswer> {
  const start = performance.now();
  return new Promise((resolve) => {
    const end = (status: number | undefined, text: string) => resolve({ status, text, milliseconds: performance.now() - start });
    const headers = {
      accept: "application/json",
      "user-agent": "slipway probe",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    };
    const open = url.startsWith("https:") ? requestHttps : requestHttp;
    const sent = open(url, { method, agent: false, timeout: TIMEOUT_MS, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => {
        if (text.length < MOST_CHARACTERS) text += part;
      });
      response.once("end", () => end(response.statusCode, text));
      response.once("error", (error) => end(undefined, error.message));
    });
    sent.once("timeout", () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} seconds`)));
    sent.once("error", (error) => end(undefined, error.message));
    sent.end(body);
  });
}
