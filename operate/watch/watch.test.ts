/** A watch of a real service, database and store: each limit and each broken part reaches a real SMTP server and two webhooks, once, and its end as well. */
import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startStore, type TestStore } from "../../postdeploy/keyspaces/testing/store.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import type { AlertPolicy } from "../../systems/definition.ts";
import { openEmail } from "../alerts/email.ts";
import { openPagerDuty } from "../alerts/pagerduty.ts";
import { openSlack } from "../alerts/slack.ts";
import { type MailServer, startMailServer, startWebhook, type Webhook } from "../alerts/testing/receivers.ts";
import { type Shop, shop, startShop } from "../verify/testing/shop.ts";
import { type Journal, openJournal, setAside } from "./journal.ts";
import { observe } from "./observe.ts";
import { formatReport, summarizeWatch } from "./report.ts";
import type { Schedule } from "./schedule.ts";
import { watch } from "./watch.ts";

let postgres: TestServer;
let store: TestStore;
let product: Shop;
let mail: MailServer;
let slack: Webhook;
let pager: Webhook;
let folder: string;
let file: string;
let began: number;
const journals: Journal[] = [];
const login = { user: "alerts@example.com", password: "p@ss/word" };

beforeAll(async () => {
  postgres = await startServer();
  store = await startStore("watch");
  [mail, slack, pager] = await Promise.all([startMailServer(login), startWebhook(), startWebhook()]);
});
afterAll(async () => {
  await Promise.all([store?.stop(), postgres?.stop(), mail?.stop(), slack?.stop(), pager?.stop()]);
});
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-watch-"));
  file = join(folder, "watch.jsonl");
  began = Date.now();
  product = await startShop(postgres, store);
  for (const received of [mail.mails, slack.bodies, pager.bodies]) received.length = 0;
});
afterEach(async () => {
  for (const journal of journals.splice(0)) journal.close();
  await product?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function open(): Journal {
  const journal = openJournal(file);
  journals.push(journal);
  return journal;
}

const channels = () => [
  openEmail({
    url: `smtp://${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@127.0.0.1:${mail.port}`,
    from: "slipway <alerts@example.com>",
    to: ["oncall@example.com", "second@example.com"],
  }),
  openSlack(slack.url),
  openPagerDuty("a-routing-key", pager.url),
];

/** One round now, as the next one of the watch of `file`. */
async function look(limits: Partial<AlertPolicy> = {}): Promise<readonly string[]> {
  const journal = open();
  const problems: string[] = [];
  const subject = await product.subject();
  const system = { ...shop, alerts: { ...shop.alerts, ...limits } };
  await watch({
    // One round is due now, and none later.
    schedule: { startedAt: new Date(began).toISOString(), everyMs: 1, forMs: Date.now() - began },
    ...{ source: "stack test", journal, channels: channels(), signal: new AbortController().signal },
    observe: () => observe({ systems: [{ ...subject, system }], databases: [], stores: [] }),
    onRound: () => {},
    onProblem: (message) => problems.push(message),
  });
  journals.splice(journals.indexOf(journal), 1);
  journal.close();
  return problems;
}

const subjectOf = (raw: string) => /^Subject: (.*)$/m.exec(raw)?.[1];

describe("a limit of a definition's alerts that is exceeded reaches every channel once, and its end does as well:", () => {
  it.each([
    { title: "CPU", limits: { cpu: 0.5 }, says: /1 % of its CPU is in use, above 0\.5 %/ },
    { title: "memory", limits: { memory: 9 }, says: /10 % of its memory is in use, above 9 %/ },
    { title: "disk", limits: { disk: 0.0001 }, says: /MiB of \d+ GiB are in use, above 0\.0001 %/, critical: true },
    { title: "latency", limits: { latency: 40 }, delay: 60, says: /\d+ ms, above 40 ms/ },
  ])("$title", async ({ limits, says, delay = 0, critical = false }) => {
    await look();
    for (const received of [mail.mails, slack.bodies, pager.bodies]) expect(received).toEqual([]);
    product.delay(delay);
    await look(limits);
    expect(mail.mails.map(({ to }) => to)).toEqual([["oncall@example.com", "second@example.com"]]);
    expect(mail.mails[0]!.raw).toMatch(says);
    expect(slack.bodies).toEqual([{ text: expect.stringMatching(says) }]);
    expect(pager.bodies.map(({ event_action }) => event_action)).toEqual(critical ? ["trigger"] : []);
    // It lasts: nothing new is sent.
    await look(limits);
    expect(mail.mails).toHaveLength(1);
    product.delay(0);
    await look();
    expect(subjectOf(mail.mails[1]!.raw)).toMatch(/^Over: .*\(stack test\)$/);
    expect(slack.bodies).toHaveLength(2);
    if (critical)
      expect(pager.bodies[1]).toEqual({ routing_key: "a-routing-key", event_action: "resolve", dedup_key: pager.bodies[0].dedup_key });
  });
});

it("a component that ended by itself within the last hour reaches every channel, and is over an hour later", async () => {
  const line = (minutes: number, text: string) => `api ${new Date(Date.now() - minutes * 60_000).toISOString()} ${text}\n`;
  product.next.restarts = line(61, "the process ended with code 1");
  await look();
  expect(mail.mails).toEqual([]);
  product.next.restarts += line(2, "Error: out of memory, password=hunter2") + line(2, "the process was ended by SIGKILL");
  await look();
  expect(mail.mails[0]!.raw).toContain("started again within the last hour: api ");
  expect(JSON.stringify([mail.mails, slack.bodies])).toContain("the process was ended by SIGKILL");
  expect(JSON.stringify([mail.mails, slack.bodies])).not.toContain("hunter2");
  product.next.restarts = line(61, "the process was ended by SIGKILL");
  await look();
  expect(subjectOf(mail.mails[1]!.raw)).toBe("Over: shop/api: restarts (stack test)");
});

describe("a service that lies about its database", () => {
  it("reaches Slack, e-mail and the pager, and its text mentions no channel in Slack [C71]", async () => {
    product.answer("/health", 200, { status: "<!channel> down" });
    await look();
    expect(pager.bodies).toEqual([
      expect.objectContaining({
        event_action: "trigger",
        payload: expect.objectContaining({ severity: "critical", source: "stack test", component: "shop/api: GET /health" }),
      }),
    ]);
    expect(subjectOf(mail.mails[0]!.raw)).toBe("CRITICAL: shop/api: GET /health (stack test)");
    expect(JSON.stringify(slack.bodies)).not.toContain("<!channel>");
    expect(JSON.stringify([mail.mails, slack.bodies, pager.bodies])).not.toContain(login.password);
  });

  it("is sent again to a channel that did not take it, and only to that one; the message names no secret", async () => {
    product.answer("/health", 200, { status: "error" });
    mail.refuse(451);
    slack.refuse(500);
    const problems = await look();
    expect(problems).toEqual([
      "e-mail got no alert: 127.0.0.1 did not take the message (EMESSAGE, 451). It is sent again after the next round.",
      "Slack got no alert: it answered 500. It is sent again after the next round.",
    ]);
    expect(pager.bodies).toHaveLength(1);
    expect(await look()).toEqual([]);
    expect([mail.mails.length, slack.bodies.length, pager.bodies.length]).toEqual([1, 1, 1]);
  });

  it("is reported as not delivered where no server listens, without its address", async () => {
    const silent = await startWebhook();
    await silent.stop();
    const failed = await Promise.all(
      [openSlack(silent.url), openEmail({ url: "smtp://u:secret@127.0.0.1:1", from: "a@b.de", to: ["c@d.de"] })].map((channel) =>
        channel
          .send([{ event: "began", problem: { id: "x", severity: "critical", subject: "x", evidence: "y" }, at: "", source: "z" }])
          .catch((error: Error) => error.message),
      ),
    );
    expect(failed).toEqual(["no answer (ECONNREFUSED)", "127.0.0.1 did not take the message (ESOCKET)"]);
  });
});

describe("a watch", () => {
  const schedule: Schedule = { startedAt: "2026-12-01T00:00:00.000Z", everyMs: 4 * 3_600_000, forMs: 24 * 3_600_000 };

  it("reports every round with process, errors, validation, counts and health, the problems with their time, and the rounds that are missing [F94]", async () => {
    const journal = open();
    journal.append({ kind: "started", source: "stack test", ...schedule });
    const round = async (hour: number) => {
      const at = new Date(Date.parse(schedule.startedAt) + hour * 3_600_000);
      journal.append({
        kind: "round",
        observation: await observe({ systems: [await product.subject()], databases: [], stores: [] }, () => at),
      });
    };
    await round(0);
    product.next.log = "listening\nconnected to the database\nError: x\n";
    await postgres.sql("INSERT INTO goods SELECT n, n FROM generate_series(1, 3) n", "shop");
    await round(4.01);
    product.next.log = "listening\nconnected to the database\n";
    product.answer("/orders", 200, {});
    await round(12);
    product.answer("/orders", 401, {});
    writeFileSync(join(product.folders.migrations, "002_more.sql"), "SELECT 1;\n");
    await round(16);
    await round(24.5);
    const report = summarizeWatch(journal.entries, schedule, Date.parse("2026-12-02T01:00:00Z"));
    expect(report.gaps).toEqual(["2026-12-01T08:00:00.000Z", "2026-12-01T20:00:00.000Z"]);
    expect(report.rounds.map(({ summary }) => [summary.process, summary.errors, summary.validation, summary.counts])).toEqual([
      ["ok", "ok", "ok", "0 rows"],
      ["ok", "1 lines", "ok", "3 rows"],
      ["ok", "ok", "ok", "3 rows"],
      ["ok", "ok", "1 findings", "3 rows"],
      ["ok", "ok", "1 findings", "3 rows"],
    ]);
    expect(report.rounds.map(({ summary }) => summary.health.replace(/\d+ ms/, "n ms"))).toEqual([
      "ok, n ms at most",
      "ok, n ms at most",
      "1 failed",
      "ok, n ms at most",
      "ok, n ms at most",
    ]);
    const text = formatReport("stack test", schedule, report);
    expect(text).toContain("From 2026-12-01 00:00 to 2026-12-02 00:30 UTC: 5 rounds, 2 gaps, 2 problems, 1 in the last round.");
    expect(text).toContain("- A round was due at 2026-12-01 08:00 UTC and did not take place.");
    expect(text).toContain("**critical**: shop/api: GET /orders, from 2026-12-01 12:00 to 2026-12-01 12:00 UTC, in 1 round, over");
    expect(text).toContain(
      "since 2026-12-01 16:00 UTC, in 2 rounds\n  - 002\\_more.sql is not applied\n  - Next: `slipway migrate up --system shop`",
    );
    expect(text).toContain("| shop public.goods | 0 | 3 | +3 |");
  });

  it("goes on after it was killed, keeps every round that was written, and drops the half line", async () => {
    const script = `
      import { openJournal } from ${JSON.stringify(join(import.meta.dirname, "journal.ts"))};
      const journal = openJournal(process.argv[1]);
      for (let round = 0; ; round++) {
        journal.append({ kind: "round", observation: { at: String(round), summary: { process: "x".repeat(round % 5000) }, problems: [], rows: {} } });
        process.stdout.write(round + "\\n");
      }`;
    let rounds = 0;
    for (let kill = 0; kill < 10; kill++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script, file], { stdio: ["ignore", "pipe", "inherit"] });
      let written = "";
      child.stdout.on("data", (chunk: Buffer) => {
        written += chunk;
        if (written.length > 20 + kill * 7) child.kill("SIGKILL");
      });
      await new Promise((resolve) => child.once("close", resolve));
      const journal = openJournal(file);
      const reported = written.trimEnd().split("\n").length;
      expect(journal.entries.length - rounds).toBeGreaterThanOrEqual(reported);
      rounds = journal.entries.length;
      journal.close();
      appendFileSync(file, '{"kind":"round","obser');
    }
    const journal = open();
    expect(journal.entries).toHaveLength(rounds);
    journal.append({ kind: "started", source: "x", ...schedule });
    expect(readFileSync(file, "utf8").endsWith("}\n")).toBe(true);
  });

  it("is refused while another process watches with the same journal, and an earlier journal is kept under another name", () => {
    const journal = open();
    writeFileSync(`${file}.lock`, "1");
    expect(() => openJournal(file)).toThrow(/^Process 1 is already watching, with the same journal\. End it first/);
    journal.append({ kind: "started", source: "x", ...schedule });
    expect(readFileSync(setAside(file, schedule.startedAt), "utf8")).toContain('"kind":"started"');
  });
});
