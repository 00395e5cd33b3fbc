/** Flags that several commands take. */
import { option } from "./command.ts";
import { parseConfigFlag } from "./config-flag.ts";

export const stackFlag = () => option("-s, --stack <name>", "The stack: prod for Pulumi.prod.yaml");

export const configFlag = () =>
  option("-c, --config <key=value>", "Override a value of the stack's file; repeatable").argParser(parseConfigFlag);

export const cwdFlag = () =>
  option("--cwd <directory>", "Look for Pulumi.yaml in this directory and those above it")
    .default(process.cwd(), "the current directory")
    .helpGroup("Project:");
