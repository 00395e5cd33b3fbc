/** Which addresses may reach a cluster, as the API of its account reports them. */
import { findPublicExcess, findSourceFault } from "../../catalog/trusted-sources.ts";
import { type Finding, formatCount } from "./finding.ts";

export interface Firewall {
  /** The id of the cluster. */
  readonly cluster: string;
  readonly rules: readonly FirewallRule[];
}

export interface FirewallRule {
  readonly uuid?: string;
  /** "ip_addr", "app", "droplet", "tag", "k8s" */
  readonly type: string;
  readonly value: string;
}

const DECLARED = "The next deployment restores the declared list (pulumi up --refresh).";

/** DigitalOcean lets every address connect to a cluster whose list is empty. */
export function findOpenFirewall({ cluster, rules }: Firewall): Finding[] {
  if (rules.length === 0)
    return [
      {
        id: "firewall-open",
        severity: "error",
        subject: `trusted sources of cluster ${cluster}`,
        evidence: "The list is empty, so every address can connect: only the password protects the cluster.",
        next: {
          text: `${DECLARED} To admit this machine only:`,
          command: `doctl databases firewalls append ${cluster} --rule ip_addr:$(curl -s https://api.ipify.org)`,
        },
      },
    ];
  const addresses = rules.filter(({ type }) => type === "ip_addr");
  const faults = addresses.flatMap(({ uuid, value }): Finding[] => {
    const fault = findSourceFault(value);
    return fault?.kind !== "open" && fault?.kind !== "too-wide"
      ? []
      : [
          {
            id: "firewall-open",
            severity: "error",
            subject: `trusted source ${value} of cluster ${cluster}`,
            evidence: `It ${fault.text}.`,
            next: { text: `${DECLARED} At once:`, command: `doctl databases firewalls remove ${cluster} --uuid ${uuid ?? "UUID"}` },
          },
        ];
  });
  const excess = findPublicExcess(addresses.map(({ value }) => value));
  if (faults.length > 0 || excess === undefined) return faults;
  return [
    {
      id: "firewall-open",
      severity: "error",
      subject: `trusted sources of cluster ${cluster}`,
      evidence: `Its ${addresses.length} blocks together admit ${formatCount(excess)} public addresses.`,
      next: { text: `${DECLARED} See the list:`, command: `doctl databases firewalls list ${cluster}` },
    },
  ];
}
