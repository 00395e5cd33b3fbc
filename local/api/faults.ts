import { z } from "zod";
import type { Reply } from "./request.ts";

/**
 * Faults of the real API, on demand, to test programs that must handle them.
 *
 * `match` is a method and a path with `*` as wildcard: `"POST /v2/apps"`, `"GET /v2/databases/*"`, `"*"`.
 * A fault applies to `times` requests; without `times`, until it is cleared. With `after`, the first matching requests pass.
 */
export const FaultRequest = z.object({
  match: z.string().min(1),
  after: z.number().int().min(1).optional(),
  times: z.number().int().min(1).optional(),
  fault: z.union([
    /** Replies with this status without executing the request: 429, 500, or 404 for an existing resource. */
    z.object({ answer: z.number().int().min(400).max(599), retryAfterSeconds: z.number().int().min(0).optional() }),
    /** Replies after this delay. */
    z.object({ delayMs: z.number().int().min(0) }),
    /** Closes the connection without a reply, before or after the request is executed. */
    z.object({ drop: z.enum(["before-commit", "after-commit"]) }),
    /** Executes the request, then sends its status with no body, or the first half of the body and closes the connection. */
    z.object({ reply: z.enum(["empty", "half"]) }),
    /** Clusters and replicas stay in `creating`, deployments never finish. */
    z.object({ stuck: z.literal(true) }),
  ]),
});

export type Fault = z.infer<typeof FaultRequest>;

export interface Faults {
  add(fault: Fault): void;
  list(): readonly Fault[];
  clear(): void;
  /** Returns the faults for this request and counts down their `times`. */
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
      faults = faults.flatMap((fault) => (matching.includes(fault) ? countDown(fault) : [fault]));
      return matching.filter(({ after }) => after === undefined).map(({ fault }) => fault);
    },
  };
}

function countDown({ after, ...fault }: Fault): Fault[] {
  if (after !== undefined) return [after > 1 ? { ...fault, after: after - 1 } : fault];
  if (fault.times === undefined) return [fault];
  return fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : [];
}

const matches = (pattern: string, request: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(request);

/** Rewrites a reply as if its cluster, replica or deployment never finishes. */
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
