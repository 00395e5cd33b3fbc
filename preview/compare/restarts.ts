/** The components that a deployment restarts: all components of the app, whichever of them changed. */
import { componentsOf, field } from "../../report/plan/app-spec.ts";
import type { Restart } from "../../report/review.ts";
import type { Compared, Comparison } from "./compare.ts";

export function restartsOf({ all }: Comparison): Restart[] {
  return all.filter(({ change, kind }) => kind === "App" && (change === "redeploy" || change === "replace")).flatMap(restartsOfApp);
}

const RERUN = new Map([
  ["PRE_DEPLOY", "before each deployment"],
  ["POST_DEPLOY", "after each deployment"],
]);

/** Fields that change the image. */
const BUILDS = /\.(github|gitlab|git|sourceDir|buildCommand|dockerfilePath|environmentSlug)\b/;

function restartsOfApp({ after, leaves, because, resource }: Compared): Restart[] {
  return componentsOf(after!).flatMap(({ kind, name, fields }): Restart[] => {
    const own = leaves.filter(({ path }) => path === `spec.${kind} ${name}` || path.startsWith(`spec.${kind} ${name}.`));
    const shared = leaves.filter(({ path }) => !/^spec\.(service|worker|job|site|function) /.test(path));
    const paths = (own.length > 0 ? own : shared).map(({ path }) => path.replace(/^spec\./, "").replace(`${kind} ${name}.`, ""));
    const what =
      paths.length > 0 ? listed(paths) : because.length > 0 ? `follows ${because.join(", ")}` : "a deployment starts every component";
    const at = { app: resource.name, component: name };
    if (kind === "job") {
      const when = RERUN.get(String(field(fields, "kind")));
      return when === undefined ? [] : [{ ...at, kind: "job", why: `runs ${when}` }];
    }
    return [{ ...at, kind: kind === "site" || own.some(({ path }) => BUILDS.test(path)) ? "build" : "restart", why: what }];
  });
}

function listed(paths: readonly string[]): string {
  const first = [...new Set(paths)].slice(0, 3).join(", ");
  return paths.length > 3 ? `${first} and ${paths.length - 3} more` : first;
}
