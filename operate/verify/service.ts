/** What a deployed service answers to everybody, and what it logs. */

import type { Service } from "../../systems/definition.ts";
import type { ServiceChecks } from "../../systems/verification.ts";
import type { ApiClient } from "../recover/api.ts";
import type { Check } from "./check.ts";
import { type DeployedApp, isRoutedTo } from "./deployed-app.ts";
import { findBadStatus, findDatabaseState, findWrongFields, readDatabaseReport } from "./fields.ts";
import { errorLines, lastLines, readLog } from "./log.ts";
import { type Answer, findDisclosure, request } from "./request.ts";

export interface ServiceSubject {
  readonly app: DeployedApp;
  readonly name: string;
  readonly service: Service;
}

export interface HealthResult {
  readonly check: Check;
  /** slipway's placeholder answered, not the product. */
  readonly isPlaceholder: boolean;
}

export async function checkHealth({ app, name, service }: ServiceSubject): Promise<HealthResult> {
  const { path } = service.health;
  const about = { kind: "health", subject: `${app.name}/${name}: GET ${path}` } as const;
  const skip = (evidence: string) => ({ check: { ...about, outcome: "skipped" as const, evidence }, isPlaceholder: false });
  if (app.url === undefined || app.active === undefined) return skip("no deployment is active");
  if (!isRoutedTo(app.active.spec, name, path))
    return skip("the router leads this path to no or another component; App Platform itself checks it inside of the app");
  const answer = await request(`${app.url}${path}`);
  if (typeof answer === "string") return { check: { ...about, ...noAnswer(answer) }, isPlaceholder: false };
  return {
    check: { ...about, ...judgeHealth(answer, service), milliseconds: answer.milliseconds },
    isPlaceholder: isFromPlaceholder(answer),
  };
}

type Judgement = Pick<Check, "outcome" | "evidence" | "next">;

function judgeHealth({ status, milliseconds, json, text }: Answer, { checks, env }: Service): Judgement {
  const answered = `${status} in ${milliseconds} ms`;
  if (status !== 200)
    return {
      outcome: "failed",
      evidence: `${answered}${describeRefusal(json)}`,
      next: { text: "See the service's log.", command: "doctl apps logs ID" },
    };
  const disclosure = findDisclosure(text);
  if (disclosure !== undefined) return disclosed(answered, disclosure);
  const bad = findBadStatus(json);
  if (bad !== undefined)
    return {
      outcome: "failed",
      evidence: `${answered}, but its status is "${bad}"`,
      next: { text: "See which dependency of the service fails in its answer and its log." },
    };
  const usesDatabase = Object.values(env).some(({ from }) => from === "database");
  if (!usesDatabase) return { outcome: "passed", evidence: answered };
  if (checks?.database !== undefined) return judgeDatabase(answered, json, checks.database);
  const state = findDatabaseState(json);
  if (state === undefined)
    return {
      outcome: "unproved",
      evidence: `${answered}: answers, database not checked`,
      next: { text: "Let the health path report the database, and name the fields in the definition (checks.database)." },
    };
  return state.works
    ? { outcome: "passed", evidence: `${answered}; ${state.field} reports that the database answers` }
    : { outcome: "failed", evidence: `${answered}, but ${state.field} reports that the database does not answer`, next: SEE_DATABASE };
}

const SEE_DATABASE = { text: "See what is wrong with the database.", command: "slipway doctor" };

function judgeDatabase(answered: string, json: unknown, report: NonNullable<ServiceChecks["database"]>): Judgement {
  const { problems, summary } = readDatabaseReport(json, report);
  return problems.length === 0
    ? { outcome: "passed", evidence: `${answered}; database ${summary}` }
    : { outcome: "failed", evidence: `${answered}, but ${problems.join("; ")}`, next: SEE_DATABASE };
}

/** The part of a failing answer that says why, without its values. */
function describeRefusal(json: unknown): string {
  const status = findBadStatus(json);
  const database = findDatabaseState(json);
  return [
    ...(status === undefined ? [] : [`, status "${status}"`]),
    ...(database?.works === false ? [`, ${database.field} does not answer`] : []),
  ].join("");
}

const disclosed = (answered: string, what: string): Judgement => ({
  outcome: "failed",
  evidence: `${answered}, and the answer to everybody contains ${what}`,
  next: { text: "Remove it from the answer. A password or token in it is compromised: rotate it." },
});

const noAnswer = (reason: string): Judgement => ({
  outcome: "failed",
  evidence: `no answer: ${reason}`,
  next: { text: "See whether the component runs, and whether the domain's DNS record leads to the app.", command: "doctl apps list" },
});

/** local/apps/placeholder/answers.ts puts this field into every answer. */
const isFromPlaceholder = ({ json }: Answer): boolean => typeof (json as { placeholder?: unknown } | undefined)?.placeholder === "string";

// ── Probes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param names Of the rows that were added to the tables that a probe lists, by table. */
export async function checkProbes({ app, name, service }: ServiceSubject, names: ReadonlyMap<string, string>): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const { path, status, fields = {}, lists } of service.checks?.probes ?? []) {
    const about = { kind: "probes", subject: `${app.name}/${name}: GET ${path}` } as const;
    if (app.url === undefined || app.active === undefined) {
      checks.push({ ...about, outcome: "skipped", evidence: "no deployment is active" });
      continue;
    }
    const answer = await request(`${app.url}${path}`);
    if (typeof answer === "string") {
      checks.push({ ...about, ...noAnswer(answer) });
      continue;
    }
    const answered = `${answer.status} in ${answer.milliseconds} ms`;
    const disclosure = findDisclosure(answer.text);
    const wrong = findWrongFields(answer.json, fields);
    if (!status.includes(answer.status)) checks.push({ ...about, ...wrongStatus(answered, answer.status, status) });
    else if (disclosure !== undefined) checks.push({ ...about, ...disclosed(answered, disclosure) });
    else if (wrong.length > 0)
      checks.push({
        ...about,
        outcome: "failed",
        evidence: `${answered}, but ${wrong.join("; ")}`,
        next: { text: "Correct the answer, or the fields in the definition." },
      });
    else checks.push({ ...about, outcome: "passed", evidence: `${answered}, without credentials` });
    if (lists !== undefined && status.includes(answer.status))
      checks.push(checkListed(about.subject, answer, lists.table, names.get(lists.table)));
  }
  return checks;
}

function wrongStatus(answered: string, given: number, expected: readonly number[]): Judgement {
  const isOpen = given === 200 && expected.some((status) => status === 401 || status === 403);
  return {
    outcome: "failed",
    evidence: `${answered} instead of ${expected.join(" or ")}${isOpen ? ": it is open to everybody" : ""}`,
    next: isOpen
      ? { text: "Require a token at this path before anything else is deployed." }
      : { text: "See the service's log.", command: "doctl apps logs ID" },
  };
}

function checkListed(subject: string, { text }: Answer, table: string, name: string | undefined): Check {
  const about = { kind: "canary", subject } as const;
  if (name === undefined) return { ...about, outcome: "skipped", evidence: `no row could be added to ${table}` };
  return text.includes(name)
    ? { ...about, outcome: "passed", evidence: `a row that was just added to ${table} is in the answer` }
    : {
        ...about,
        outcome: "failed",
        evidence: `a row that was just added to ${table} is not in the answer: it does not come from this database, or from a cache`,
        next: { text: "See whether the service has fallen back to data in memory, or connects to another database." },
      };
}

// ── Log ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export async function checkLog(api: ApiClient, { app, name, service }: ServiceSubject, isPlaceholder: boolean): Promise<Check> {
  const subject = { kind: "log", subject: `${app.name}/${name}: log` } as const;
  if (app.active === undefined) return { ...subject, outcome: "skipped", evidence: "no deployment is active" };
  const log = await readLog({ api, app: app.id, deployment: app.active.id }, name, "RUN");
  if (log === undefined || log.trim() === "") return { ...subject, outcome: "unproved", evidence: "the API has no log of it yet" };
  const { contains = [], lacks = [] } = service.checks?.log ?? {};
  const missing = isPlaceholder ? [] : contains.filter((text) => !log.includes(text));
  const present = lacks.filter((text) => log.includes(text));
  const errors = errorLines(log);
  const about = { ...subject, errorLines: errors.length };
  const lines = log.split("\n").filter((line) => line.trim() !== "").length;
  const read = `${lines} lines, ${errors.length} of them report errors`;
  if (missing.length + present.length > 0)
    return {
      ...about,
      outcome: "failed",
      evidence: [read, ...missing.map((text) => `"${text}" is missing`), ...present.map((text) => `it contains "${text}"`)].join("; "),
      log: lastLines(log),
      next: { text: "The service did not start as it should: see its log.", command: "doctl apps logs ID" },
    };
  if (errors.length > 0)
    return { ...about, outcome: "unproved", evidence: read, log: lastLines(errors.join("\n")), next: { text: "Read these lines." } };
  const skipped = isPlaceholder && contains.length > 0 ? `; "${contains.join('", "')}" is the product's, and a placeholder runs here` : "";
  return { ...about, outcome: "passed", evidence: `${read}${skipped}` };
}
