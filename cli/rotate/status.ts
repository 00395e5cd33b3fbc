/** `slipway rotate status`: how old the credentials of the database roles are, and which rotation is unfinished. */
import { MOST_CREDENTIAL_DAYS } from "../../catalog/credential-age.ts";
import { databaseAddress } from "../../operate/recover/cluster.ts";
import { type RoleStatus, readRoleStatus } from "../../operate/rotate/status.ts";
import { ROLE_KINDS } from "../../settings/settings.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { RotateOptions } from "./flags.ts";
import { openSubject } from "./subject.ts";
import { formatStatus } from "./text.ts";

/** @returns the exit code. */
export async function status(options: RotateOptions, terminal: Terminal): Promise<number> {
  const subject = await openSubject(options, "status");
  const account = await subject.openAccount();
  const today = new Date().toISOString().slice(0, 10);
  const found: { readonly system: string; readonly roles: readonly RoleStatus[] | undefined }[] = [];
  for (const { system, credentials } of subject.selected)
    found.push({
      system: system.name,
      roles: await readRoleStatus({
        ...{ account, kinds: ROLE_KINDS, credentials, today },
        address: databaseAddress(system, subject.settings.suffix),
        postgres: system.postgres,
      }),
    });
  terminal.print(
    options.json
      ? JSON.stringify({ today, maxAgeDays: MOST_CREDENTIAL_DAYS, systems: found }, null, 2)
      : formatStatus(found, subject, terminal),
  );
  return found.every(({ roles = [] }) => roles.every(({ isOld, retiring }) => !isOld && retiring === undefined)) ? DONE : FAILED;
}
