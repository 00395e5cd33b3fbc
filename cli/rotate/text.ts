/** The result of a rotation, the ages of credentials, and the plan, as text. */
import { daysBetween, MOST_CREDENTIAL_DAYS, rotateCommand, rotateSecretsCommand } from "../../catalog/credential-age.ts";
import type { Rotated } from "../../operate/rotate/rotation.ts";
import type { RoleStatus } from "../../operate/rotate/status.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Layout } from "../shared/terminal.ts";
import { table } from "../shared/width.ts";
import { wrap } from "../shared/wrap.ts";
import type { RotationPlan } from "./rotation-plan.ts";
import type { Subject } from "./subject.ts";

type Named = Pick<Subject, "settings" | "flags">;

export function formatRotated({ active, retired, endedSessions, refusedAt }: Rotated, { settings }: Named): string {
  return [
    `The apps log in as ${active}. The old password of ${retired} is refused at ${refusedAt.join(", ")}.`,
    ...(endedSessions > 0
      ? [`${pluralize(endedSessions, "idle session")} of ${retired} ${endedSessions === 1 ? "was" : "were"} ended.`]
      : []),
    `Commit Pulumi.${settings.stack}.yaml: it says which user is used.`,
  ].join("\n");
}

export function formatStatus(
  systems: readonly { readonly system: string; readonly roles: readonly RoleStatus[] | undefined }[],
  { flags }: Named,
  { style }: Layout,
): string {
  return systems
    .map(({ system, roles }) => {
      if (roles === undefined) return `${style.bold(system)}\n  The account has no database of this system.`;
      const rows = roles.map(({ role, active, since, rotated, days, sessions }) => [
        role,
        active,
        rotated ? `since ${since}` : `never rotated, cluster of ${since}`,
        pluralize(days, "day"),
        Object.entries(sessions)
          .map(([user, count]) => `${user} ${count}`)
          .join(", "),
      ]);
      const notes = roles.flatMap(({ role, isOld, days, retiring }) => [
        ...(retiring === undefined
          ? []
          : [
              `A rotation of ${role} is unfinished: the password of ${retiring} is not replaced yet. Continue it: ${rotateCommand({ flags, system, role })}`,
            ]),
        ...(isOld
          ? [`The credential of ${role} is ${days} days old, more than ${MOST_CREDENTIAL_DAYS}: ${rotateCommand({ flags, system, role })}`]
          : []),
      ]);
      return [
        style.bold(system),
        ...table([["role", "user", "used", "age", "sessions"], ...rows]),
        ...(notes.length === 0 ? [] : ["", ...notes.map((note) => `  ${style.warn(note)}`)]),
      ].join("\n");
    })
    .join("\n\n");
}

export function formatPlan(plans: readonly RotationPlan[], { settings, flags }: Named, layout: Layout): string {
  const today = new Date().toISOString().slice(0, 10);
  return plans.map((plan) => formatSystem(plan, { stack: settings.stack, flags, today, layout })).join("\n\n");
}

interface PlanLayout {
  readonly stack: string;
  readonly flags: string;
  readonly today: string;
  readonly layout: Layout;
}

function formatSystem(plan: RotationPlan, { stack, flags, today, layout }: PlanLayout): string {
  const { style, columns } = layout;
  const section = (title: string, paragraphs: readonly string[], commands: readonly string[] = []) => [
    "",
    style.bold(`  ${title}`),
    ...paragraphs.flatMap((paragraph) => wrap(paragraph, columns - 4).map((line) => `    ${line}`)),
    ...commands.map((command) => `      ${command}`),
  ];
  const age = (since: string | undefined) =>
    since === undefined ? "never rotated" : `since ${since}, ${pluralize(daysBetween(since, today), "day")}`;
  return [
    style.bold(`${plan.title} in stack ${stack}`),
    ...plan.roles.flatMap(({ role, active, next, since, retiring, hasApps, pools, command }) => {
      const switched = hasApps
        ? "The apps are deployed with it, and App Platform keeps each old instance until the new one is healthy: no request fails."
        : role === "readonly"
          ? "No app uses it: move the clients that do to the new user before the old password is replaced."
          : "The steps and jobs of slipway use it from then on.";
      return section(
        `Database role ${role}: ${active}, ${age(since)}`,
        retiring === undefined
          ? [
              `1. ${next} gets the rights of ${active}; the server is asked whether both may do the same.`,
              ...(pools.length === 0 ? [] : [`2. Pool ${pools.join(", ")} is changed in place to admit both users.`]),
              `${pools.length === 0 ? 2 : 3}. ${switched}`,
              `${pools.length === 0 ? 3 : 4}. When ${active} has no session left, its password is replaced, and a login proves that the old one is refused.`,
            ]
          : [`A rotation is unfinished: the password of ${retiring} is still to be replaced. This command continues it:`],
        [command],
      );
    }),
    ...(plan.buckets.length === 0
      ? []
      : section(
          `Keys of buckets: ${plan.buckets.join(", ")}, ${plan.keysSince === "never" ? "never rotated" : age(plan.keysSince)}`,
          [
            "One deployment creates new keys for all buckets of the stack, gives them to the apps, and deletes the old ones last: no request fails. Presigned URLs that an old key signed are refused from then on.",
          ],
          [plan.keysCommand],
        )),
    ...(plan.generated.length === 0
      ? []
      : section(
          `Generated secrets: ${plan.generated.join(", ")}, ${plan.generatedSince === "never" ? "never rotated" : age(plan.generatedSince)}`,
          [
            "A new day generates new values, and each app that reads one is deployed. What was signed with an old value is refused from then on: users sign in again, and while old and new instances both answer, each refuses what the other signed.",
          ],
          [rotateSecretsCommand(flags, plan.system)],
        )),
    ...plan.operator.flatMap(({ secret, purpose }) =>
      section(
        `Operator secret: ${secret} (${purpose})`,
        [
          "1. Create a second secret where this one comes from, and keep the first. If only one can exist, sign-ins and calls fail from its creation until the deployment has ended.",
          "2. Set it, and deploy:",
        ],
        [rotateSecretsCommand(flags, plan.system, secret)],
      ).concat("    3. Delete the first one there, once the deployment is active."),
    ),
    ...plan.stores.flatMap(({ cluster, stores }) =>
      section(
        `Valkey ${cluster}-valkey: ${stores.join(", ")}`,
        [
          "Valkey at DigitalOcean has one user, so its password cannot be replaced without a gap: from the reset until the new instances are healthy, new connections are refused. Connections that are open stay. Reset the password, and deploy at once; do it when little is written, and not together with another change that makes the deployment slower.",
        ],
        [
          `doctl databases list # the id of ${cluster}-valkey`,
          "doctl databases user reset <id> default",
          `pulumi refresh ${flags} && pulumi up ${flags}`,
          "doctl apps create-deployment <app id> # of each app that reads it",
        ],
      ),
    ),
  ].join("\n");
}
