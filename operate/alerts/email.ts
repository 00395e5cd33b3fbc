/** E-mail over SMTP: one message for all alerts of a round. */
import { createTransport } from "nodemailer";
import { type Alert, describe, headline } from "./alert.ts";
import type { Channel } from "./channel.ts";

export interface EmailOptions {
  /** smtps://user:password@host:465 or smtp://user:password@host:587 */
  readonly url: string;
  readonly from: string;
  readonly to: readonly string[];
}

const TIMEOUT_MS = 15_000;

/** @throws {Error} if the address of the server cannot be parsed; the message does not contain it */
export function openEmail({ url, from, to }: EmailOptions): Channel {
  if (!URL.canParse(url) || !/^smtps?:$/.test(new URL(url).protocol))
    throw new Error("it is no address such as smtps://user:password@smtp.example.com:465");
  const { protocol, hostname, port, username, password } = new URL(url);
  const isSecure = protocol === "smtps:";
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  const transport = createTransport({
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port || (isSecure ? 465 : 587)),
    secure: isSecure,
    // A password and an alert travel encrypted, except on this machine.
    requireTLS: !isSecure && !isLoopback,
    ...(username !== "" && { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  return {
    name: "e-mail",
    accepts: () => true,
    async send(alerts) {
      try {
        await transport.sendMail({ from, to: [...to], subject: subjectOf(alerts), text: textOf(alerts) });
      } catch (error) {
        const { code, responseCode } = error as Error & { code?: string; responseCode?: number };
        throw new Error(
          `${hostname} did not take the message (${[code, responseCode].filter((part) => part !== undefined).join(", ") || "no reason given"})`,
        );
      }
    },
  };
}

function subjectOf(alerts: readonly Alert[]): string {
  const [first] = alerts;
  // A header has one line.
  const text = headline(first!).replace(/[\r\n]+/g, " ");
  return alerts.length === 1 ? text : `${text}, and ${alerts.length - 1} more`;
}

const textOf = (alerts: readonly Alert[]): string =>
  `${alerts.map((alert) => [headline(alert), ...describe(alert)].join("\n")).join("\n\n")}\n`;
