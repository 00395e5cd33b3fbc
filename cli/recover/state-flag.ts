import { option } from "../shared/command.ts";

export const stateFlag = () =>
  option("--state <file>", "Read this state, which `pulumi stack export` wrote, instead of asking Pulumi's CLI for it");
