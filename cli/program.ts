/** The root command. It loads the flags of the command that is named, and the code of that command when its action runs. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import { connect, createCommand, type Session } from "./shared/command.ts";
import { BAD_INPUT, DONE } from "./shared/errors.ts";
import type { Terminal } from "./shared/terminal.ts";

interface Entry {
  readonly summary: string;
  load(session: Session): Promise<CommandUnknownOpts>;
}

// commander: typed flags, flag groups, folded help and "Did you mean" for 15 ms of processor time at start-up. citty costs 5 but accepts
// unknown flags and cannot repeat, group or fold flags; clipanion costs 17 and names the value of a flag "#0" in its help.
const COMMANDS: Readonly<Record<string, Entry>> = {
  local: {
    summary: "Run the whole platform on this machine, with real servers",
    load: async (session) => (await import("./local/command.ts")).localCommand(session),
  },
  plan: {
    summary: "Print the resources that a stack declares, without an account, credentials or Pulumi",
    load: async ({ terminal, exit }) =>
      (await import("./plan/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./plan/run.ts")).plan(options, terminal))),
  },
  preview: {
    summary: "Show what a change does to every stack, without an account, credentials or Pulumi",
    load: async ({ terminal, exit }) =>
      (await import("./preview/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./preview/run.ts")).runPreview(options, terminal))),
  },
  comment: {
    summary: "Post a review as a comment on its pull request, in GitHub Actions",
    load: async ({ terminal, exit }) =>
      (await import("./comment/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./comment/run.ts")).comment(options, terminal))),
  },
  cost: {
    summary: "Print what a stack costs a month by the public price list, without an account",
    load: async ({ terminal, exit }) =>
      (await import("./cost/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./cost/run.ts")).cost(options, terminal))),
  },
  audit: {
    summary: "Trace every secret from its origin to the processes that read it",
    load: async ({ terminal, exit }) =>
      (await import("./audit/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./audit/run.ts")).runAudit(options, terminal))),
  },
  doctor: {
    summary: "Examine databases, stores and backups, and report findings with their next step",
    load: async ({ terminal, exit }) =>
      (await import("./doctor/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./doctor/run.ts")).doctor(options, terminal))),
  },
  verify: {
    summary: "Look at what a deployment has to show, and answer the product's checklist",
    load: async ({ terminal, exit }) =>
      (await import("./verify/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./verify/run.ts")).verify(options, terminal))),
  },
  watch: {
    summary: "Look at a deployment again and again, report once, and alert when something begins or ends",
    load: async ({ terminal, exit }) =>
      (await import("./watch/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./watch/run.ts")).watch(options, terminal))),
  },
  metrics: {
    summary: "Serve the figures of doctor for Prometheus, and print alert rules and a dashboard",
    load: async ({ terminal, exit }) =>
      (await import("./metrics/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./metrics/run.ts")).metrics(options, terminal))),
  },
  runbook: {
    summary: "Write the runbook of a stack: what runs, the contacts, what to type, what each alert means",
    load: async ({ terminal, exit }) =>
      (await import("./runbook/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./runbook/run.ts")).runbook(options, terminal))),
  },
  drift: {
    summary: "Report where a stack's account differs from its state; exit 10 on drift",
    load: async ({ terminal, exit }) =>
      (await import("./drift/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./drift/run.ts")).drift(options, terminal))),
  },
  recover: {
    summary: "Repair the state of a stack after an interrupted deployment",
    load: async ({ terminal, exit }) =>
      (await import("./recover/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./recover/run.ts")).recover(options, terminal))),
  },
  rotate: {
    summary: "Replace the credentials of database roles without a failed request",
    load: async (session) => (await import("./rotate/command.ts")).rotateCommand(session),
  },
  phase: {
    summary: "Move a product from JSON files to Postgres, one phase at a time",
    load: async (session) => (await import("./phase/command.ts")).phaseCommand(session),
  },
  probe: {
    summary: "Write and read through an app's endpoints, and report failed requests, gaps, stale and lost writes",
    load: async ({ terminal, exit }) =>
      (await import("./probe/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./probe/run.ts")).probe(options, terminal))),
  },
  migrate: {
    summary: "Apply, revert and check SQL migrations",
    load: async (session) => (await import("./migrate/command.ts")).migrateCommand(session),
  },
  keyspaces: {
    summary: "Seed and check the keys and Lua scripts that a Redis store must have",
    load: async (session) => (await import("./keyspaces/command.ts")).keyspacesCommand(session),
  },
  data: {
    summary: "Move from JSON files to the database and back: import, validate, export",
    load: async (session) => (await import("./data/command.ts")).dataCommand(session),
  },
  backup: {
    summary: "Make, verify, restore and rehearse encrypted backups",
    load: async (session) => (await import("./backup/command.ts")).backupCommand(session),
  },
  rollback: {
    summary: "Return to an earlier deployment, or to the data of a backup",
    load: async (session) => (await import("./rollback/command.ts")).rollbackCommand(session),
  },
  "post-deploy": {
    summary: "Apply roles, migrations and keyspaces of a system, as a job inside the VPC does",
    load: async ({ terminal, exit }) =>
      (await import("./post-deploy/flags.ts"))
        .declareFlags()
        .action(async (options) => exit(await (await import("./post-deploy/run.ts")).postDeploy(options, terminal))),
  },
};

/** @returns the exit code. */
export async function run([name, ...rest]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === "help") return await run([...rest, "--help"], terminal);
  let code = DONE;
  const session: Session = {
    terminal,
    exit: (value) => {
      code = value;
    },
  };
  const program = await createProgram(name, session);
  try {
    await program.parseAsync(name === undefined ? ["--help"] : [name, ...rest], { from: "user" });
  } catch (error) {
    // Commander ends help this way.
    if (!(error instanceof CommanderError)) throw error;
  }
  return name === undefined ? BAD_INPUT : code;
}

/** With the command that is run; of all others, name and summary. */
async function createProgram(running: string | undefined, session: Session): Promise<CommandUnknownOpts> {
  const program = createCommand("slipway", {
    usage: ["<command> [flags]"],
    examples: [
      ["Run the whole platform on this machine", "slipway local up"],
      ["Print what stack prod declares", "slipway plan --stack prod"],
      ["Review what a branch changes", "slipway preview --base main"],
      ["Apply the pending migrations of a system", "slipway migrate up --system shop"],
    ],
    details: ["Set SLIPWAY_DEBUG=1 to print where an error came from."],
    exitCodes: { 0: "done", 1: "failed", 2: "bad input; nothing was done" },
  }).summary("Plan, review, run and migrate platforms on DigitalOcean");
  // Only for the help: main() prints the version without this file.
  program.option("-v, --version", "Print the version");
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = name === running ? await load(session) : createCommand(name, { examples: [] });
    program.addCommand(command.summary(summary));
  }
  connect(program, session);
  return program;
}
