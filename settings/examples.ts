/**
 * Example values in the effective settings: those of the stack's file, and those of the definitions that the file does not override. Under Pulumi's
 * engine they are problems, because the deployment would create resources with them. A plan of the same stack works, with a note.
 */
import { EXAMPLES } from "../catalog/example-values.ts";
import { configName, type RawConfig } from "./operator.ts";
import { keyOf, type SettingProblem } from "./problems.ts";
import type { PostDeploySettings, SystemSettings } from "./settings.ts";
import type { Stack } from "./stack.ts";
import { IMAGE } from "./values.ts";

interface Effective {
  readonly postDeploy: PostDeploySettings;
  readonly systems: readonly SystemSettings[];
}

export function checkExamples(stack: Stack, effective: Effective, { underEngine = false }: RawConfig): void {
  if (stack.environment === "local") return;
  const found = [...examplesOf(stack, effective)];
  if (underEngine) for (const problem of found) stack.problems.add(problem);
  else if (found.length > 0) {
    const list = found.map(({ at, given }) => `${keyOf(at)} (${given})`).join(", ");
    stack.notices.push(`Example values, which \`pulumi preview\` and \`pulumi up\` refuse until they are replaced: ${list}.`);
  }
}

function* examplesOf({ requested, defaults, systems }: Stack, effective: Effective): Generator<SettingProblem> {
  for (const [index, source] of (requested.stack.allowedSources ?? defaults.allowedSources).entries())
    yield* example(
      "source",
      ["allowedSources", index],
      source,
      "<IPv4 address of the runner>",
      "the public IPv4 address of the machine that runs pulumi",
    );
  for (const [index, email] of (requested.stack.alertEmails ?? []).entries())
    yield* example("email", ["alertEmails", index], email, "<email address>", "a verified email address of the team");
  const images = { postDeploy: effective.postDeploy.image, backups: requested.stack.backups?.image };
  for (const [group, image] of Object.entries(images))
    if (image !== undefined) yield* example("repository", [group, "image"], image, IMAGE.likely, "an image of yours");
  for (const { system, domains, repos, operatorSettings } of effective.systems) {
    const { key } = systems.find((selected) => selected.system === system)!;
    for (const [component, { repo }] of Object.entries(repos))
      yield* example("repository", [key, "repos", component, "repo"], repo, "<owner>/<repository>", "the repository of the application");
    for (const [app, domain] of Object.entries(domains))
      yield* example("domain", [key, "domains", app], domain, "<domain>", "a domain of yours, or none");
    for (const [name, value] of Object.entries(operatorSettings))
      yield* example("email", [configName(`${system.name}-${name}`)], hostOf(value), "<value>", "the value that its issuer shows");
    for (const [index, email] of system.alerts.emails.entries())
      yield* example(
        "email",
        [key, "alerts", "emails", index],
        email,
        undefined,
        "a verified email address of the team, in the product's definition",
      );
  }
}

function* example(
  kind: keyof typeof EXAMPLES,
  at: SettingProblem["at"],
  given: string,
  instead: string | undefined,
  allowed: string,
): Generator<SettingProblem> {
  const text = EXAMPLES[kind](given);
  if (text !== undefined) yield { at, given, problem: `it ${text}`, allowed, fix: instead === undefined ? [] : [{ set: at, to: instead }] };
}

/** The host of a URL or a domain. Any other text is no address: it may be "test". */
function hostOf(value: string): string {
  const host = value.replace(/\w+:\/\//, "").split(/[/?#:]/, 1)[0]!;
  return host.includes(".") ? host : "";
}
