/** Where `pulumi preview --policy-pack policy` begins. CrossGuard loads it by `require`, so nothing here may be awaited. */
import { PolicyPack } from "@pulumi/policy";
import { policies } from "./pack.ts";

new PolicyPack("slipway", { policies });
