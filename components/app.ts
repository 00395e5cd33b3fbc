/**
 * One App Platform app: its services, sites, workers and jobs, and what each of them reads.
 *
 * Cost: the list price of each instance size times its count. A change of `appName` or `region` replaces the app; it holds no data.
 * An `up` waits until the deployment is done, and fails when it fails.
 */

import { hash } from "node:crypto";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { type AppArgs, appSpec, variableProblems } from "./appspec.ts";
import { componentError, throwIfProblems } from "./errors.ts";
import { APP, after } from "./names.ts";
import { refuseAdvice } from "./outputtext.ts";
import { readableInputs } from "./readable.ts";

export type { AppArgs, AppComponent, AppDatabase, AppEnv, AppJob, AppService, AppSite, AppWorker, Quiet } from "./appspec.ts";

export class App extends pulumi.ComponentResource {
  /** Where it answers, once it is deployed. */
  readonly liveUrl: pulumi.Output<string>;
  readonly id: pulumi.Output<string>;
  /** For ProjectResources: do:app:<id>. */
  readonly appUrn: pulumi.Output<string>;
  /** The deployment that serves now. */
  readonly deployment: pulumi.Output<string>;
  readonly nodes: { readonly app: digitalocean.App };
  readonly #readable: pulumi.Inputs;

  constructor(name: string, args: AppArgs, opts?: pulumi.ComponentResourceOptions) {
    const readable = readableInputs(args);
    super(APP, name, readable, opts);
    refuseAdvice(this, args);
    checkName(this);
    checkNotEmpty(this);
    throwIfProblems(this, variableProblems(args));
    const app = createApp(this);

    this.id = app.id;
    this.appUrn = app.appUrn;
    this.liveUrl = app.liveUrl;
    this.deployment = app.activeDeploymentId;
    this.#readable = readable;
    this.nodes = { app };
    this.registerOutputs({ id: this.id, appUrn: this.appUrn, liveUrl: this.liveUrl, deployment: this.deployment });

    function checkName(self: App): void {
      if (/^[a-z][a-z0-9-]{0,30}[a-z0-9]$/.test(args.appName)) return;
      throw componentError(
        self,
        `appName: "${args.appName}" has ${args.appName.length} characters or is not made of a-z, 0-9 and "-". App Platform allows 2 to 32, starting with a letter.`,
      );
    }

    function checkNotEmpty(self: App): void {
      if (Object.keys(args.components).length > 0) return;
      throw componentError(self, "components: an app without a service, site, worker or job deploys nothing. Give it one.");
    }

    function createApp(parent: App): digitalocean.App {
      const { quiet } = args;
      const app = new digitalocean.App(
        `${name}-app`,
        { spec: appSpec(args) },
        {
          parent,
          ...after(opts),
          // Three times the six to seven minutes that a first build of these products was seen to take.
          customTimeouts: { create: "20m" },
          ...(quiet === undefined ? {} : { ignoreChanges: [...quiet.unchanged] }),
        },
      );
      quiet?.follow(app);
      return app;
    }
  }
  /** A digest of what is declared. Of a secret it contains the version, see `readable.ts`. */
  declared(): pulumi.Output<string> {
    return pulumi.output(this.#readable).apply((texts) => hash("sha256", JSON.stringify(texts)));
  }
}
