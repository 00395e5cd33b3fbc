/** A marked text for DigitalOcean that holds no canary and is the same in every run was not read from anywhere: it stands in the program. */
import type { Plan } from "../../engine/plan.ts";
import type { Finding } from "../../report/audit.ts";
import { finding } from "../finding.ts";
import { stationOf } from "../flow.ts";
import type { Place } from "./places.ts";
import type { Look } from "./sightings.ts";

/** What a plan makes up for an operator, certificates, and texts too short to be a secret. */
const NONE = /^(placeholder:|placeholder-|-----BEGIN CERTIFICATE)|^.{0,5}$/s;

export function literals(plan: Plan, places: readonly Place[], others: readonly Place[], look: Look): readonly Finding[] {
  const unchanged = new Set(others.map(({ urn, path, text }) => `${urn} ${path} ${text}`));
  const atProviders = new Set(plan.resources.filter(({ type }) => type.startsWith("digitalocean:")).map(({ urn }) => urn));
  return places
    .filter(({ kind, own, text, urn = "" }) => kind === "input" && own === true && atProviders.has(urn) && !NONE.test(text))
    .filter(({ urn, path, text }) => look(text).length === 0 && unchanged.has(`${urn} ${path} ${text}`))
    .map((place) => {
      const station = stationOf(place, plan);
      return finding({
        rule: "secret-literal",
        message: `The secret in ${station.what} comes from nowhere but the program.`,
        flow: [station],
      });
    });
}
