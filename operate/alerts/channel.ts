/** Where alerts go. A channel that does not answer holds up no other one, and gets its alerts again in the next round. */
import type { Alert } from "./alert.ts";

export interface Channel {
  /** For messages, without a secret: "Slack". */
  readonly name: string;
  /** Whether it gets this alert at all. */
  accepts(alert: Alert): boolean;
  /** @throws {Error} whose message contains no secret */
  send(alerts: readonly Alert[]): Promise<void>;
}

/** @returns why it failed; undefined where the channel took the alerts, or accepts none of them */
export async function deliver(channel: Channel, alerts: readonly Alert[]): Promise<string | undefined> {
  const accepted = alerts.filter((alert) => channel.accepts(alert));
  if (accepted.length === 0) return undefined;
  try {
    await channel.send(accepted);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const TIMEOUT_MS = 15_000;

/** Sends JSON to a webhook, whose address is itself a secret and part of no message. */
export async function post(url: string, body: object): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      redirect: "error",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const { cause, name } = error as Error & { cause?: NodeJS.ErrnoException };
    throw new Error(name === "TimeoutError" ? `no answer within ${TIMEOUT_MS / 1000} seconds` : `no answer (${cause?.code ?? name})`);
  }
  await response.body?.cancel();
  if (!response.ok) throw new Error(`it answered ${response.status}`);
}
