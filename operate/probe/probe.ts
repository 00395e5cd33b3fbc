/**
 * Writes and reads through the app's own endpoints, and reads back each write that the app acknowledged: at once, again and again, and in the end.
 *
 * stale  the app answered with an older text than the one that it had acknowledged
 * lost   in the end, an acknowledged write is not there
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProbeFinding, ProbeReport } from "../../report/probe.ts";
import type { Traffic, TrafficWrite } from "../../systems/verification.ts";
import { fieldAt } from "../verify/fields.ts";
import { startClients } from "./clients.ts";
import { openRecorder, type RequestKind } from "./recorder.ts";
import { type ProbeAnswer, send } from "./send.ts";

export interface ProbeOptions {
  /** Of the app, without a slash at its end. */
  readonly url: string;
  readonly traffic: Traffic;
  readonly token: string | undefined;
  readonly clients: number;
  /** How many rows each client writes; it changes them in turn afterwards. */
  readonly rowsEach: number;
  /** A client begins a step this often at most. */
  readonly everyMs: number;
  /** Called with the id of each row before it is used: the caller can remove those that a killed probe has left. */
  readonly onCreated?: (id: string) => void;
}

/** What the probe itself knows of its report. */
export type Probed = Omit<ProbeReport, "service" | "events">;

export interface RunningProbe {
  /** The writes that were acknowledged so far. */
  acknowledged(): number;
  /** Ends the clients, reads every row back, and removes the rows. */
  stop(): Promise<Probed>;
}

interface OwnRow {
  readonly id: string;
  /** The text of the last write that was acknowledged. */
  token: string;
  /** Texts of writes without an acknowledgement: the app may have them. */
  readonly possible: Set<string>;
}

/** How long the last reading of a row is tried again while there is no answer. */
const LAST_READING_MS = 60_000;
const MOST_FINDINGS = 1000;

export function startProbe({ url, traffic, token, clients, rowsEach, everyMs, onCreated = () => {} }: ProbeOptions): RunningProbe {
  const run = randomBytes(4).toString("hex");
  const startedAt = new Date().toISOString();
  const recorder = openRecorder();
  const rows: OwnRow[][] = Array.from({ length: clients }, () => []);
  const stale: ProbeFinding[] = [];
  let [acknowledged, readBack] = [0, 0];

  async function request(kind: RequestKind, write: TrafficWrite | Omit<TrafficWrite, "body">, id: string, text: string) {
    const body =
      "body" in write
        ? JSON.stringify(Object.fromEntries(Object.entries(write.body).map(([key, value]) => [key, value.replaceAll("{token}", text)])))
        : undefined;
    const answer = await send({ ...{ method: write.method, url: pathAt(write.path, id), token }, ...(body !== undefined && { body }) });
    const isGood = answer.status !== undefined && answer.status >= 200 && answer.status < 300;
    recorder.record(kind, answer.milliseconds, isGood ? undefined : describe(answer));
    return { isGood, answer };
  }

  const pathAt = (path: string, id: string): string => `${url}${path.replaceAll("{id}", encodeURIComponent(id))}`;

  async function readRow(row: OwnRow): Promise<"same" | "missing" | "unanswered" | { readonly other: string }> {
    const answer = await send({ url: pathAt(traffic.read.path, row.id), token });
    const isAnswered = answer.status === 200 || answer.status === 404;
    recorder.record("read", answer.milliseconds, isAnswered ? undefined : describe(answer));
    if (!isAnswered) return "unanswered";
    if (answer.status === 404) return "missing";
    const found = String(fieldAt(parse(answer.text), traffic.read.token));
    if (found !== row.token && !row.possible.has(found)) return { other: found };
    readBack++;
    return "same";
  }

  async function check(row: OwnRow): Promise<void> {
    const expected = row.token;
    const found = await readRow(row);
    if (found === "same" || found === "unanswered" || stale.length >= MOST_FINDINGS) return;
    stale.push(findingOf(row, expected, found));
  }

  async function write(own: OwnRow[], text: string, turn: number): Promise<OwnRow | undefined> {
    if (own.length < rowsEach) {
      const { isGood, answer } = await request("write", traffic.create, "", text);
      const id = isGood ? fieldAt(parse(answer.text), traffic.create.id) : undefined;
      if (typeof id !== "string" && typeof id !== "number") return undefined;
      const row = { id: String(id), token: text, possible: new Set<string>() };
      onCreated(row.id);
      own.push(row);
      acknowledged++;
      return row;
    }
    const row = own[turn % own.length]!;
    // Before the request: it may be carried out and its answer lost.
    row.possible.add(text);
    const { isGood } = await request("write", traffic.update, row.id, text);
    if (!isGood) return undefined;
    row.possible.delete(text);
    row.token = text;
    acknowledged++;
    return row;
  }

  const running = startClients(clients, async (client, turn) => {
    const next = performance.now() + everyMs;
    const own = rows[client]!;
    const written = await write(own, `${run}-${client}-${turn}`, turn);
    if (written !== undefined) await check(written);
    // One that was written earlier: a write may get lost later than right after it.
    const earlier = own[Math.floor(Math.random() * own.length)];
    if (earlier !== undefined && earlier !== written) await check(earlier);
    const restMs = next - performance.now();
    if (restMs > 0) await running.pause(restMs);
  });

  async function readLast(row: OwnRow): Promise<ProbeFinding | undefined> {
    for (const until = Date.now() + LAST_READING_MS; ; await sleep(500)) {
      const found = await readRow(row);
      if (found === "same") return undefined;
      if (found !== "unanswered" || Date.now() >= until) return findingOf(row, row.token, found);
    }
  }

  return {
    acknowledged: () => acknowledged,
    async stop() {
      await running.stop();
      const all = rows.flat();
      const measured = recorder.read();
      const endedAt = new Date().toISOString();
      const lost: ProbeFinding[] = [];
      for (const row of all) {
        const finding = await readLast(row);
        if (finding !== undefined) lost.push(finding);
      }
      const left = await removeRows(
        { url, traffic, token },
        all.map(({ id }) => id),
      );
      return { ...measured, ...{ startedAt, endedAt, acknowledged, readBack, stale, lost, left } };
    },
  };
}

/** @returns those that could not be removed */
export async function removeRows(
  { url, traffic, token }: Pick<ProbeOptions, "url" | "traffic" | "token">,
  ids: readonly string[],
): Promise<string[]> {
  const left: string[] = [];
  for (const id of ids) {
    const { status } = await send({
      method: traffic.remove.method,
      url: `${url}${traffic.remove.path.replaceAll("{id}", encodeURIComponent(id))}`,
      token,
    });
    if (status === undefined || (status !== 404 && (status < 200 || status >= 300))) left.push(id);
  }
  return left;
}

function findingOf({ id }: OwnRow, expected: string, found: "missing" | "unanswered" | { readonly other: string }): ProbeFinding {
  const write = (text: string) => (text.includes("-") ? `write ${text.split("-").slice(1).join(".")}` : "no write of this probe");
  const words =
    typeof found === "object" ? `${write(found.other)} instead of ${write(expected)}` : found === "missing" ? "a 404" : "no answer";
  return { at: new Date().toISOString(), row: id, found: words };
}

const describe = ({ status, text }: ProbeAnswer): string => (status === undefined ? text : `status ${status}`);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
