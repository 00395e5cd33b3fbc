import { z } from "zod";
import type { Reply } from "./request.ts";

/**
 * What a real cloud does now and then, on demand: for tests of programs that have to live with it.
 *
 * `match` is a method and a path in which `*` stands for anything: `"POST /v2/apps"`, `"GET /v2/databases/*"`, `"*"`.
 * A fault is used up after `times` requests; without it, it stays until it is cleared.
 */
export const FaultRequest = z.object({
  match: z.string().min(1),
  times: z.number().int().min(1).optional(),
  fault: z.union([
    /** Answered with this status and nothing done: 429, 500, or 404 for what exists. */
    z.object({ answer: z.number().int().min(400).max(599), retryAfterSeconds: z.number().int().min(0).optional() }),
    /** Answered after so many milliseconds. */
    z.object({ delayMs: z.number().int().min(0) }),
    /** The request is carried out, then the connection is cut: the client cannot know. */
    z.object({ drop: z.literal("after-commit") }),
    /** Clusters and replicas stay in `creating`, deployments never finish. */
    z.object({ stuck: z.literal(true) }),
  ]),
});

export type Fault = z.infer<typeof FaultRequest>;

export interface Faults {
  add(fault: Fault): void;
  list(): readonly Fault[];
  clear(): void;
  /** The faults that strike this request; each is used once more by being asked for. */
  take(method: string, path: string): readonly Fault["fault"][];
}

export function createFaults(): Faults {
  let faults: Fault[] = [];
  return {
    add: (fault) => {
      faults.push(fault);
    },
    list: () => faults,
    clear: () => {
      faults = [];
    },
    take(method, path) {
      const matching = faults.filter(({ match }) => matches(match, `${method} ${path}`));
      faults = faults.flatMap((fault) => {
        if (!matching.includes(fault) || fault.times === undefined) return [fault];
        return fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : [];
      });
      return matching.map(({ fault }) => fault);
    },
  };
}

const matches = (pattern: string, request: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(request);

/** The same answer, of something that does not get done. */
export function withPendingState(reply: Reply): Reply {
  const body = reply.body as Record<string, Record<string, unknown>> | undefined;
  if (body?.database) return { ...reply, body: { database: { ...body.database, status: "creating" } } };
  if (body?.replica) return { ...reply, body: { replica: { ...body.replica, status: "creating" } } };
  if (!body?.deployment) return reply;
  const { progress, ...deployment } = body.deployment;
  const { steps, total_steps } = progress as { steps: readonly object[]; total_steps: number };
  const waiting = {
    pending_steps: total_steps - 1,
    running_steps: 1,
    success_steps: 0,
    error_steps: 0,
    total_steps,
    steps: steps.map((step, index) => ({ ...step, status: index === 0 ? "RUNNING" : "PENDING" })),
  };
  return { ...reply, body: { deployment: { ...deployment, phase: "BUILDING", progress: waiting } } };
}
