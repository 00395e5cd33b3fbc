import { expect, it } from "vitest";
import { formatPostDeployCommand, parsePostDeployCommand } from "./post-deploy-job.ts";

it.each([{ system: "shop" }, { system: "shop", backupHours: 0 }, { system: "brand-portal", backupHours: 168 }])(
  "the command of %j says all of it",
  (job) => {
    expect(parsePostDeployCommand(formatPostDeployCommand(job))).toStrictEqual(job);
  },
);

it.each(["slipway post-deploys --system shop", "npx slipway post-deploy --system shop", "", undefined, 7])(
  "%j is no command of a job",
  (command) => {
    expect(parsePostDeployCommand(command)).toBeUndefined();
  },
);
