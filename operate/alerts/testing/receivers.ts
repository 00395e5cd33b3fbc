/** Real receivers on loopback: an SMTP server with TLS and a login, and a web server for webhooks. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and text, without the line breaks of its encoding. */
  readonly raw: string;
}

export interface MailServer {
  readonly port: number;
  readonly mails: Mail[];
  /** Answers the next message with this code. */
  refuse(code: number): void;
  stop(): Promise<void>;
}

export async function startMailServer({ user, password }: { readonly user: string; readonly password: string }): Promise<MailServer> {
  const mails: Mail[] = [];
  let refusal: number | undefined;
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    onAuth: (auth, _, done) =>
      auth.username === user && auth.password === password ? done(null, { user }) : done(new Error("wrong password")),
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        if (refusal !== undefined) {
          const error = Object.assign(new Error("not now"), { responseCode: refusal });
          refusal = undefined;
          return done(error);
        }
        const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
        mails.push({
          from,
          to: envelope.rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString("utf8").replaceAll("=\r\n", ""),
        });
        done();
      });
    },
  });
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    refuse(code) {
      refusal = code;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export interface Webhook {
  readonly url: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test fails if the expected fields are missing
  readonly bodies: any[];
  /** Answers the next request with this status. */
  refuse(status: number): void;
  stop(): Promise<void>;
}

/** As strict as Slack and PagerDuty: JSON by POST, and nothing else. */
export async function startWebhook(): Promise<Webhook> {
  const bodies: unknown[] = [];
  let refusal: number | undefined;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const isJson = request.method === "POST" && request.headers["content-type"] === "application/json";
    if (!isJson || refusal !== undefined) {
      response.writeHead(refusal ?? 400).end("refused");
      refusal = undefined;
      return;
    }
    bodies.push(JSON.parse(Buffer.concat(chunks).toString("utf8")));
    response.writeHead(202).end("ok");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T0/B0/secret`,
    bodies,
    refuse(status) {
      refusal = status;
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
