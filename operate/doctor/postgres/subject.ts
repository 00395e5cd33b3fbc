/** What is examined in a database, and the connection of an examination. */
import type { Session } from "../../../postdeploy/connect/session.ts";
import type { Connection } from "../../../postdeploy/connect/target.ts";
import type { RoleKind } from "../../../postdeploy/roles/index.ts";
import type { Fact, Finding, Thresholds } from "../finding.ts";
import type { Firewall } from "../firewall.ts";

/** What a system declares about its database. */
export interface DeclaredDatabase {
  readonly system: string;
  readonly database: string;
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
  readonly roles: Readonly<Record<RoleKind, string>>;
  readonly statementTimeoutSeconds: number;
  readonly slowStatementMs?: number | undefined;
}

/** Connections that the settings of a stack allocate. */
export interface ConnectionBudget {
  /** Of the runtime role, over all pools and processes. */
  readonly runtime: number;
  readonly pools: Readonly<Record<string, number>>;
}

/** The user that a role has at the moment. */
export interface CredentialSubject {
  readonly role: RoleKind;
  readonly user: string;
  /** The day since which it is used; if it was never rotated, the day on which the cluster was created (YYYY-MM-DD). */
  readonly since: string;
  readonly isRotated: boolean;
  /** The other user, if its password is still to be replaced. */
  readonly retiring?: string | undefined;
  /** The command that rotates the role. */
  readonly command: string;
  readonly isLocal: boolean;
}

export interface DatabaseSubject {
  /** "shop/postgres" */
  readonly name: string;
  readonly connection: Connection;
  /** Without it, every schema is examined, and neither roles nor migrations are. */
  readonly declared?: DeclaredDatabase | undefined;
  /** The folder of the migrations. */
  readonly migrations?: string | undefined;
  readonly budget?: ConnectionBudget | undefined;
  /** Unknown where only a URL is given, or the settings of the stack have problems. */
  readonly credentials?: readonly CredentialSubject[] | undefined;
  /** Unknown where only a URL is given. */
  readonly firewall?: Firewall | undefined;
}

export interface Examiner {
  readonly session: Session;
  readonly subject: DatabaseSubject;
  readonly server: ServerState;
  /** Those of the system, or all that are not the server's. */
  readonly schemas: readonly string[];
  readonly thresholds: Thresholds;
  /** Also report what is harmless in a small or new database. */
  readonly all: boolean;
  /** Whether to report what concerns the whole server. Of several databases on one server, the first one does. */
  readonly serverWide: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface ServerState {
  readonly major: number;
  readonly user: string;
  readonly isSuperuser: boolean;
  readonly managesRoles: boolean;
  readonly seesAllSessions: boolean;
  readonly inRecovery: boolean;
}

export interface CheckResult {
  readonly findings?: readonly Finding[];
  readonly facts?: readonly Fact[];
  readonly unchecked?: readonly string[];
}

export interface Check {
  /** "indexes": names the check where it fails. */
  readonly name: string;
  /** Its findings are the same for every database of the server. */
  readonly isServerWide?: true;
  run(examiner: Examiner): Promise<readonly Finding[] | CheckResult>;
}
