/** The next steps that databases and stores have in common where a connection fails. */
import type { NextStep } from "./finding.ts";

export const isManaged = (host: string): boolean => host.endsWith(".db.ondigitalocean.com");

export const LIST_CLUSTERS = "doctl databases list --format ID,Name,Status,URI";

export const findHost = (host: string): NextStep =>
  isManaged(host)
    ? { text: "Read the present host name of the cluster.", command: "doctl databases list --format ID,Name,Region,URI" }
    : { text: "Correct the host name in the URL; or see what resolves it.", command: `getent hosts ${host}` };

export const showListeners = (port: number): string => `ss -ltn 'sport = :${port}'`;

export const admitThisMachine = (host: string, port: number): NextStep =>
  isManaged(host)
    ? {
        text: "A firewall drops the packets. Admit this machine; to keep it, add its address to slipway:allowedSources too, or the next deployment removes it.",
        command: "doctl databases firewalls append ID --rule ip_addr:$(curl -s https://api.ipify.org)",
      }
    : { text: "A firewall drops the packets, or the host is down. See how far they get.", command: `traceroute -T -p ${port} ${host}` };

/** @param starttls "-starttls postgres " where the server begins without TLS */
export const useNameOfCertificate = (host: string, port: number, starttls = ""): NextStep => ({
  text: "Use a name that the certificate has.",
  command: `openssl s_client -connect ${host}:${port} ${starttls}</dev/null | openssl x509 -noout -ext subjectAltName`,
});

export const WAIT_FOR_SERVER: NextStep = {
  text: "Wait until the server is ready; this repeats the examination every 5 seconds.",
  command: "slipway doctor --watch 5",
};
