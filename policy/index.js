/** The entry point of `pulumi preview --policy-pack policy`. CrossGuard loads it with `require`, so it must not use top-level await. */
import { PolicyPack } from "@pulumi/policy";
import { policies } from "./pack.ts";

new PolicyPack("slipway", { policies });
