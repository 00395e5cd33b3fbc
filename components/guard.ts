/**
 * Keeps what cannot be protected itself. Pulumi refuses to replace a protected resource, so connection pools and generated secrets, which
 * normal operation replaces, are unprotected. A destroy deletes dependents first: a protected component that depends on such resources stops it before
 * it reaches them.
 *
 * Cost: none. It exists in the state only, in unprotected stacks too: removing a protected one would be refused.
 */
import * as pulumi from "@pulumi/pulumi";
import { GUARD } from "./names.ts";

export class Guard extends pulumi.ComponentResource {
  /** @param opts `protect`, where it is not that of the parent */
  constructor(name: string, guarded: readonly pulumi.Resource[], opts: pulumi.ComponentResourceOptions) {
    super(GUARD, name, {}, { ...opts, dependsOn: [...guarded] });
  }
}
