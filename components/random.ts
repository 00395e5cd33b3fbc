/** The part of @pulumi/random that is used here, asked for as the CommonJS that it is: imported, each file is read twice. */
import { createRequire } from "node:module";
import type * as sdk from "@pulumi/random";

export type { RandomPasswordArgs } from "@pulumi/random";

const require = createRequire(import.meta.url);

export const RandomId: typeof sdk.RandomId = require("@pulumi/random/randomId.js").RandomId;
export type RandomId = sdk.RandomId;
export const RandomPassword: typeof sdk.RandomPassword = require("@pulumi/random/randomPassword.js").RandomPassword;
export type RandomPassword = sdk.RandomPassword;
