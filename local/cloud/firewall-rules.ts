import { z } from "zod";
import { parseEnclosingBlock } from "../../catalog/ipv4.ts";
import { MOST_SOURCES } from "../../catalog/limits.ts";
import { unprocessable } from "./api-error.ts";
import type { Cloud } from "./handle.ts";
import { newId } from "./ids.ts";

/** Who may connect to a cluster. No rule at all means everybody: DigitalOcean's clusters are born open. */
export interface Rule {
  readonly uuid: string;
  readonly type: string;
  readonly value: string;
  readonly description?: string | undefined;
  readonly createdAt: number;
}

const TYPES = ["droplet", "k8s", "ip_addr", "tag", "app"] as const;

export const RulesAsk = z.object({
  rules: z.array(z.object({ type: z.enum(TYPES), value: z.string().min(1), description: z.string().optional() })),
});
type Ask = z.infer<typeof RulesAsk>["rules"];

export function toRules(cloud: Cloud, asked: Ask, known: readonly Rule[] = []): Rule[] {
  if (asked.length > MOST_SOURCES) throw unprocessable(`at most ${MOST_SOURCES} firewall rules are allowed`);
  asked.forEach(checkRule);
  return asked.map((rule) => {
    const same = known.find(({ type, value }) => type === rule.type && value === rule.value);
    return { uuid: same?.uuid ?? newId(), createdAt: same?.createdAt ?? cloud.now(), ...rule };
  });
}

function checkRule({ type, value }: Ask[number]): void {
  const right: Record<(typeof TYPES)[number], () => boolean> = {
    ip_addr: () => parseEnclosingBlock(value) !== undefined,
    droplet: () => /^\d+$/.test(value),
    app: () => isUuid(value),
    k8s: () => isUuid(value),
    tag: () => /^[a-zA-Z0-9_\-:]+$/.test(value),
  };
  if (right[type]()) return;
  const hint = value.includes(":") && type === "ip_addr" ? " (IPv6 is not supported)" : "";
  throw unprocessable(`invalid firewall rule: "${value}" is no ${type}${hint}`);
}

const isUuid = (value: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
