/** Examines databases and stores. Reads only, apart from a key with a time to live of a second that tries whether a store accepts writes. */
import { targetOf } from "../../postdeploy/connect/target.ts";
import { DEFAULT_THRESHOLDS, EVERYTHING, type Examination, type Finding, isAboveInfo, type Thresholds } from "./finding.ts";
import { type Firewall, findOpenFirewall } from "./firewall.ts";
import { examineDatabase } from "./postgres/examine.ts";
import type { DatabaseSubject } from "./postgres/subject.ts";
import { examineStore } from "./valkey/examine.ts";
import type { StoreSubject } from "./valkey/subject.ts";

export interface DiagnoseOptions {
  /** Also report what is harmless in a small or new database. @default false */
  readonly all?: boolean | undefined;
  readonly thresholds?: Partial<Thresholds> | undefined;
}

export async function diagnose(
  { databases, stores }: { readonly databases: readonly DatabaseSubject[]; readonly stores: readonly StoreSubject[] },
  { all = false, thresholds: given = {} }: DiagnoseOptions = {},
): Promise<readonly Examination[]> {
  const thresholds = { ...DEFAULT_THRESHOLDS, ...(all ? EVERYTHING : {}), ...given };
  const servers = new Set<string>();
  const firewalls = new Set<string>();
  const withFirewall = async (firewall: Firewall | undefined, work: Promise<Examination>): Promise<Examination> => {
    if (firewall === undefined || firewalls.has(firewall.cluster)) return await work;
    firewalls.add(firewall.cluster);
    const examination = await work;
    return { ...examination, findings: [...findOpenFirewall(firewall), ...examination.findings] };
  };
  const examinations: Promise<Examination>[] = [];
  for (const subject of databases) {
    const { host, port } = targetOf(subject.connection);
    const serverWide = !servers.has(`${host}:${port}`);
    servers.add(`${host}:${port}`);
    examinations.push(withFirewall(subject.firewall, examineDatabase(subject, { thresholds, all, serverWide })));
  }
  for (const subject of stores) examinations.push(withFirewall(subject.firewall, examineStore(subject, { thresholds })));
  return await Promise.all(examinations);
}

export const hasFindings = (examinations: readonly { readonly findings: readonly Finding[] }[]): boolean =>
  examinations.some(({ findings }) => findings.some(isAboveInfo));
