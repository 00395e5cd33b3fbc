/** What a comparison of the roles in a database found. It is apart from the comparison, so that printing it loads no database client. */

export interface RolesDrift {
  readonly system: string;
  readonly database: string;
  /** The id of its cluster. */
  readonly cluster: string;
  /** What the next `up` runs. */
  readonly statements: readonly string[];
  /** What is not declared, also where nothing undoes it. */
  readonly notices: readonly string[];
  /** Roles whose password in the account the server rejects. */
  readonly rejected: readonly string[];
  /** Why the database was not compared. */
  readonly unread?: string;
}

export const isRolesDrift = ({ statements, rejected }: RolesDrift): boolean => statements.length + rejected.length > 0;
