/**
 * The app that makes the backups of one system: a worker that keeps time itself, because App Platform's scheduled jobs cannot be declared with this
 * provider. It has the role that reads everything and changes nothing, a key for each bucket, and no key that decrypts a backup.
 *
 * Cost: the list price of one smallest instance.
 */
import { formatWorkerCommand } from "../catalog/backup-worker.ts";
import { workerName } from "../settings/backups.ts";
import type { BackupSchedule } from "../settings/settings.ts";
import { exportsJson } from "../settings/systems.ts";
import { databasesOf, envOf } from "./app-args.ts";
import type { AppArgs } from "./appspec.ts";
import { imageSource } from "./image.ts";
import type { SystemDeployment } from "./system.ts";
import { BACKUP_WORKER } from "./wiring.ts";

/** Enough for a database of any size: a backup takes at most about 200 MiB. */
export const WORKER_SIZE = "apps-s-1vcpu-0.5gb";

export function workerArgs({ stack, settings, network, wiring }: SystemDeployment, schedule: BackupSchedule): AppArgs {
  const appName = workerName(settings.system.name, stack.suffix);
  const { keyspaces: keepsKeyspaces } = settings.system.backups;
  const wires = wiring.filter(({ reader }) => reader.app === appName);
  return {
    appName,
    region: settings.appRegion,
    vpc: network.id,
    databases: databasesOf(wires),
    components: {
      [BACKUP_WORKER]: {
        kind: "worker",
        image: imageSource(schedule.image, "slipway:backups.image"),
        runCommand: formatWorkerCommand({
          ...{ system: settings.system.name, dailyAtHour: settings.system.backups.postgres.hourUtc, retention: schedule.retention },
          ...(keepsKeyspaces === undefined ? {} : { keyspaceDays: keepsKeyspaces.days }),
          ...(schedule.hourly ? { hourlyAtMinute: HOURLY_MINUTE } : {}),
          ...(exportsJson(settings, stack.environment) && { exportsJson: true }),
        }),
        size: WORKER_SIZE,
        env: envOf(wires),
        alerts: [{ rule: "RESTART_COUNT", above: settings.system.alerts.restartsPerHour, window: "ONE_HOUR" }],
      },
    },
  };
}

/** Not the full hour, when the daily one begins. */
const HOURLY_MINUTE = 30;
