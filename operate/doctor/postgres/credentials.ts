/** How long the users of the database roles have had their credentials, and rotations that were not finished. */
import { daysBetween, MOST_CREDENTIAL_DAYS } from "../../../catalog/credential-age.ts";
import type { Finding } from "../finding.ts";
import type { Check, CheckResult, Examiner } from "./subject.ts";

export const credentialChecks: readonly Check[] = [{ name: "credentials", run: checkCredentials }];

async function checkCredentials({ subject, now }: Examiner): Promise<CheckResult> {
  const { credentials = [] } = subject;
  if (credentials.length === 0) return {};
  const today = new Date(now()).toISOString().slice(0, 10);
  const ages = credentials.map((credential) => ({ ...credential, days: daysBetween(credential.since, today) }));
  const oldest = Math.max(...ages.map(({ days }) => days));
  return {
    facts: [{ name: "credentials", value: `${oldest === 1 ? "1 day" : `${oldest} days`} old at most` }],
    findings: ages.flatMap(({ role, user, since, days, isRotated, retiring, command, isLocal }): Finding[] => [
      ...(retiring === undefined
        ? []
        : [
            {
              id: "rotation-unfinished",
              severity: "warning" as const,
              subject: `user ${retiring}`,
              evidence: `A rotation of the ${role} role was interrupted: ${user} is to be used, and the password of ${retiring} still works.`,
              next: { text: "Continue it.", command },
            },
          ]),
      ...(days <= MOST_CREDENTIAL_DAYS
        ? []
        : [
            {
              id: "credential-old",
              // The credentials of a local platform are on this machine alone.
              severity: isLocal ? ("info" as const) : ("warning" as const),
              subject: `user ${user}`,
              evidence: `Its credential is ${days} days old, more than ${MOST_CREDENTIAL_DAYS}: ${isRotated ? `it is used since ${since}` : `it was never rotated, and the cluster was created on ${since}`}.`,
              next: { text: "Rotate it. No request fails.", command },
            },
          ]),
    ]),
  };
}
