/**
 * What happens after the databases exist and before the application starts: roles, a backup where the stack makes any, then migrations and keyspaces.
 *
 * Each is a resource, keyed by the content it applies: nothing changed = nothing runs, and a preview shows what is pending as a change.
 * Deleting one forgets it and touches no data. The work itself is in `postdeploy/` and `backup/`; what is in the state is one line that imports it.
 */
import { hash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { type Content, contentOf } from "./content.ts";
import { programError } from "./errors.ts";
import { after, POST_DEPLOY } from "./names.ts";
import { refuseAdvice } from "./outputtext.ts";
import { Step } from "./step.ts";

export interface PostDeployArgs {
  /** Names what is applied in messages and in the ledger. */
  system: string;
  postgres: {
    database: string;
    schemas: readonly string[];
    extensions: readonly string[];
    roles: Readonly<Record<"owner" | "runtime" | "readonly" | "backup", string>>;
    /** What a query of the runtime role may take. */
    statementTimeoutSeconds: number;
    /** Direct URLs, never a pool's: advisory locks and SET do not survive a transaction pool. */
    adminUrl: pulumi.Input<string>;
    ownerUrl: pulumi.Input<string>;
    /**
     * The credentials of the roles. If one changes, the role may be a new one under the old name, and its privileges are granted again.
     * @default the owner's URL
     */
    credentials?: readonly pulumi.Input<string>[];
    /** The cluster's CA, PEM. */
    ca: pulumi.Input<string>;
    /** The folder of .sql files, from the program's directory. */
    migrations: string;
  };
  keyspaces?: {
    /** The folder of seeds and scripts, from the program's directory. */
    folder: string;
    stores: Readonly<Record<string, { url: pulumi.Input<string>; ca: pulumi.Input<string>; class: "state" | "cache" }>>;
  };
  /** A verified backup of the database, and of these stores, before something changes them. @default none */
  backup?: BackupBefore;
}

export interface BackupBefore {
  /** As the role that may read everything and change nothing. */
  url: pulumi.Input<string>;
  stores: Readonly<Record<string, { url: pulumi.Input<string>; ca: pulumi.Input<string> }>>;
  copies: readonly { url: pulumi.Input<string>; key: pulumi.Input<string> }[];
  recipients: readonly string[];
  /** Whose signatures count in addition to those of the signing key. @default none */
  verifyKeys?: readonly string[];
  signingKey: pulumi.Input<string>;
  /** A verified backup that is not older is not made again. */
  maxAgeHours: number;
  /** What of the applications an `up` changes: a digest. Without a change of it, of migrations or of keyspaces, no backup is made. */
  applications: string;
}

/** The folders of a system's files, from the program's directory. */
export const filesOf = (system: string) => ({ migrations: `sql/${system}`, keyspaces: `keyspaces/${system}` });

/**
 * Refuses files that cannot be parsed, before anything is registered. A step would find them only after the clusters exist. A recorded program is not
 * checked here: `slipway plan` and `slipway preview` read the files themselves.
 *
 * @throws {pulumi.RunError} with every error of every file
 */
export async function checkFiles(
  systems: readonly { readonly system: string; readonly migrations?: string; readonly keyspaces?: string }[],
): Promise<void> {
  // The steps' own entry point: no component depends on how they work.
  const { findFileErrors } = await import("slipway/postdeploy");
  const errors = await findFileErrors(systems);
  if (errors.length > 0) throw programError(fileErrorsMessage(errors));
}

function fileErrorsMessage(errors: readonly string[]): string {
  const count = errors.length === 1 ? "1 error" : `${errors.length} errors`;
  return [`${count} in the files that post-deploy steps apply. Nothing was deployed.`, ...errors].join("\n").replaceAll("\n", "\n  ");
}

export class PostDeploy extends pulumi.ComponentResource {
  /** Everything that must have happened before an application may start. */
  readonly done: readonly pulumi.Resource[];
  readonly nodes: {
    readonly roles: pulumi.Resource;
    readonly backup?: pulumi.Resource;
    readonly migrations: pulumi.Resource;
    readonly keyspaces?: pulumi.Resource;
  };

  constructor(name: string, args: PostDeployArgs, opts?: pulumi.ComponentResourceOptions) {
    super(POST_DEPLOY, name, {}, opts);
    const parent = this;
    refuseAdvice(this, args);
    const { postgres, keyspaces: seeds } = args;
    const files = contentOf(postgres.migrations);
    const seedFiles = seeds === undefined ? undefined : contentOf(seeds.folder);
    const roles = createRoles();
    const backup = args.backup === undefined ? undefined : createBackup(args.backup);
    const migrations = createMigrations();
    const keyspaces = seeds === undefined ? undefined : createKeyspaces(seeds, seedFiles!);

    this.nodes = { roles, migrations, ...(backup === undefined ? {} : { backup }), ...(keyspaces === undefined ? {} : { keyspaces }) };
    this.done = keyspaces === undefined ? [migrations] : [migrations, keyspaces];

    function createRoles(): pulumi.Resource {
      const { database, schemas, extensions, roles, statementTimeoutSeconds } = postgres;
      return new Step(
        "Roles",
        `${name}-roles`,
        {
          system: args.system,
          database,
          schemas,
          extensions,
          roles,
          statementTimeoutSeconds,
          users: fingerprint([postgres.ownerUrl, ...(postgres.credentials ?? [])]),
          url: pulumi.secret(postgres.adminUrl),
          ca: postgres.ca,
        },
        { parent, ...after(opts) },
      );
    }

    function createBackup({
      url,
      stores,
      copies,
      recipients,
      verifyKeys = [],
      signingKey,
      maxAgeHours,
      applications,
    }: BackupBefore): pulumi.Resource {
      const reasons = {
        migrations: files.digest,
        ...(seedFiles === undefined ? {} : { keyspaces: seedFiles.digest }),
        applications,
      };
      return new Step(
        "Backup",
        `${name}-backup`,
        {
          ...{ system: args.system, reasons, migrations: files.folder, recipients, verifyKeys, maxAgeHours, ca: postgres.ca },
          url: pulumi.secret(url),
          stores: Object.fromEntries(Object.entries(stores).map(([store, it]) => [store, { url: pulumi.secret(it.url), ca: it.ca }])),
          repository: {
            copies: copies.map((copy) => ({ url: copy.url, key: pulumi.secret(copy.key) })),
            signingKey: pulumi.secret(signingKey),
          },
        },
        // The roles step lets the role read everything.
        { parent, dependsOn: [roles] },
      );
    }

    function createMigrations(): pulumi.Resource {
      return new Step(
        "Migrations",
        `${name}-migrations`,
        {
          system: args.system,
          ...listed(files),
          owner: postgres.roles.owner,
          url: pulumi.secret(postgres.ownerUrl),
          ca: postgres.ca,
        },
        { parent, dependsOn: [backup ?? roles] },
      );
    }

    function createKeyspaces({ stores }: NonNullable<PostDeployArgs["keyspaces"]>, content: Content): pulumi.Resource {
      const connections = Object.fromEntries(
        Object.entries(stores).map(([store, { url, ca, class: kind }]) => [store, { url: pulumi.secret(url), ca, class: kind }]),
      );
      return new Step(
        "Keyspaces",
        `${name}-keyspaces`,
        { system: args.system, ...listed(content), stores: connections },
        { parent, dependsOn: [migrations] },
      );
    }
  }
}

function fingerprint(credentials: readonly pulumi.Input<string>[]): pulumi.Output<string> {
  return pulumi.secret(pulumi.all([...credentials]).apply((known) => hash("sha256", JSON.stringify(known))));
}

function listed(content: Content): Record<string, unknown> {
  return { folder: content.folder, digest: content.digest, files: content.files.map((file) => `${file.name} ${file.digest.slice(0, 12)}`) };
}
