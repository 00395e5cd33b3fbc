/** The channels of the environment. A secret is named by its variable, never repeated. */
import { ALERT_VARIABLES } from "../../catalog/alert-variables.ts";
import type { Channel } from "../../operate/alerts/channel.ts";
import { openPagerDuty } from "../../operate/alerts/pagerduty.ts";
import { openSlack } from "../../operate/alerts/slack.ts";
import type { System } from "../../systems/definition.ts";
import { UsageError } from "../shared/errors.ts";

export async function openChannels(systems: readonly System[]): Promise<readonly Channel[]> {
  const channels: Channel[] = [];
  const smtp = read("smtp");
  if (smtp !== undefined) channels.push(await openMail(smtp, systems));
  const slack = read("slack");
  if (slack !== undefined) channels.push(openSlack(webAddress("slack", slack)));
  const pagerduty = read("pagerduty");
  if (pagerduty !== undefined) {
    const url = read("pagerdutyUrl");
    channels.push(openPagerDuty(pagerduty, ...(url === undefined ? [] : [webAddress("pagerdutyUrl", url)])));
  }
  return channels;
}

async function openMail(url: string, systems: readonly System[]): Promise<Channel> {
  const from = read("from");
  if (from === undefined) throw new UsageError(`Who sends the messages? ${ALERT_VARIABLES.from}="slipway <alerts@example.com>"`);
  const given = read("to")
    ?.split(",")
    .map((address) => address.trim())
    .filter((address) => address !== "");
  const to = given ?? [...new Set(systems.flatMap(({ alerts }) => alerts.emails))];
  if (to.length === 0)
    throw new UsageError(`Who gets the messages? No definition names an address. ${ALERT_VARIABLES.to}=oncall@example.com`);
  const { openEmail } = await import("../../operate/alerts/email.ts");
  try {
    return openEmail({ url, from, to });
  } catch (error) {
    throw new UsageError(`${ALERT_VARIABLES.smtp}: ${(error as Error).message}.`);
  }
}

function read(name: keyof typeof ALERT_VARIABLES): string | undefined {
  return process.env[ALERT_VARIABLES[name]] || undefined;
}

/** Plain http only on this machine: the address or the body is a credential. */
function webAddress(name: keyof typeof ALERT_VARIABLES, address: string): string {
  const isWeb = URL.canParse(address) && /^https:$/.test(new URL(address).protocol);
  const isLocal =
    URL.canParse(address) && /^(127\.\d+\.\d+\.\d+|localhost)$/.test(new URL(address).hostname) && new URL(address).protocol === "http:";
  if (!isWeb && !isLocal) throw new UsageError(`${ALERT_VARIABLES[name]} must be an address that begins with https://.`);
  return address;
}
