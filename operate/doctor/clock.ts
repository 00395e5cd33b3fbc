/** What the clock and the certificate of a server have in common: both are compared with the clock of this machine. */
import { type Fact, type Finding, formatCount, formatSeconds, type Thresholds } from "./finding.ts";

export function describeOffset(offset: number, error: number): string {
  const size = `${formatCount(Math.abs(offset))} ms`;
  if (Math.abs(offset) <= Math.max(error, 1)) return "as this machine's clock";
  return offset > 0 ? `${size} ahead of this machine's clock` : `${size} behind this machine's clock`;
}

export function clockFinding(offset: number, error: number, { clockOffsetMs }: Thresholds): Finding[] {
  if (Math.abs(offset) - error < clockOffsetMs) return [];
  return [
    {
      id: "clock-offset",
      severity: "warning",
      subject: "clock",
      evidence: `The server's clock is ${describeOffset(offset, error)}: tokens and signed requests are refused, and times in logs do not match.`,
      next: { text: "Set the clock of this machine. DigitalOcean sets that of the server.", command: "timedatectl set-ntp true" },
    },
  ];
}

export const formatDate = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** @param reload the SQL by which a server of your own reads a new certificate. @default it has to be restarted */
export function certificateFinding(end: number | undefined, { certificateDays }: Thresholds, now: number, reload?: string): Finding[] {
  if (end === undefined) return [];
  const days = (end - now) / 86_400_000;
  if (days >= certificateDays) return [];
  return [
    {
      id: "certificate-near-expiry",
      severity: days < 7 ? "error" : "warning",
      subject: "certificate of the server",
      evidence: `It expires on ${formatDate(end)}, in ${formatSeconds(days * 86_400)}: after that, no client that verifies it connects.`,
      next: {
        text: `DigitalOcean renews it; if it does not, ask its support. On a server of your own, install a new one, then ${reload === undefined ? "restart the server" : "let the server read it"}.`,
        ...(reload === undefined ? {} : { sql: [reload] }),
      },
    },
  ];
}

/** When the certificate expires, in seconds since 1970. */
export const expiryFigure = (certificate: number | undefined): Partial<Pick<Fact, "figures">> =>
  certificate === undefined ? {} : { figures: [{ name: "certificate_expiry_timestamp_seconds", value: Math.round(certificate / 1000) }] };
