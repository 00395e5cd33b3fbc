import { z } from "zod";
import { orNotFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { validate } from "../core/validation.ts";
import { findCluster, type Logsink, patchCluster } from "./cluster.ts";

const rsyslog = z.object({
  server: z.string(),
  port: z.number().int().min(1).max(65_535),
  tls: z.boolean(),
  format: z.enum(["rfc5424", "rfc3164", "custom"]),
  logline: z.string().optional(),
  sd: z.string().optional(),
  ca: z.string().optional(),
  key: z.string().optional(),
  cert: z.string().optional(),
});

const search = z.object({
  url: z.url(),
  index_prefix: z.string(),
  index_days_max: z.number().int().min(1).max(10_000).optional(),
  timeout: z.number().min(10).max(120).optional(),
  ca: z.string().optional(),
});

const CONFIGS: Readonly<Record<string, z.ZodType<Record<string, unknown>>>> = {
  rsyslog,
  elasticsearch: search,
  opensearch: search,
  datadog: z.object({ site: z.string(), datadog_api_key: z.string() }),
};

const config = z.record(z.string(), z.unknown());
export const CreateLogsinkRequest = z.object({ sink_name: z.string().min(1), sink_type: z.string(), config });
export const UpdateLogsinkRequest = z.object({ config });

export const listLogsinks = (cloud: Cloud, id: string): readonly Logsink[] => findCluster(cloud, id).logsinks;

export function readLogsink(cloud: Cloud, id: string, sinkId: string): Logsink {
  const sink = listLogsinks(cloud, id).find(({ sink_id }) => sink_id === sinkId);
  return orNotFound(sink, "logsink not found");
}

export function createLogsink(cloud: Cloud, id: string, request: z.infer<typeof CreateLogsinkRequest>): Logsink {
  const { logsinks } = findCluster(cloud, id);
  if (logsinks.some(({ sink_name }) => sink_name === request.sink_name)) throw unprocessable("sink_name is not available");
  const sink = { sink_id: newId(), ...request, config: validateConfig(request.sink_type, request.config) };
  patchCluster(cloud, id, { logsinks: [...logsinks, sink] });
  return sink;
}

export function updateLogsink(cloud: Cloud, id: string, sinkId: string, request: z.infer<typeof UpdateLogsinkRequest>): void {
  const { sink_type, config: before } = readLogsink(cloud, id, sinkId);
  // godo omits `tls: false` in an update, but not in a create.
  const config = validateConfig(sink_type, { ...("tls" in before && { tls: before.tls }), ...request.config });
  patchCluster(cloud, id, {
    logsinks: listLogsinks(cloud, id).map((sink) => (sink.sink_id === sinkId ? { ...sink, config } : sink)),
  });
}

export function deleteLogsink(cloud: Cloud, id: string, sinkId: string): void {
  readLogsink(cloud, id, sinkId);
  patchCluster(cloud, id, { logsinks: listLogsinks(cloud, id).filter(({ sink_id }) => sink_id !== sinkId) });
}

function validateConfig(type: string, config: Record<string, unknown>): Record<string, unknown> {
  const schema = CONFIGS[type];
  if (!schema) throw unprocessable(`invalid sink_type "${type}": must be one of ${Object.keys(CONFIGS).join(", ")}`);
  return validate(schema, config);
}
