import { describe, expect, it } from "vitest";
import { routes } from "../routes/index.ts";
import { operations, requestViolations, responseViolations } from "./contract.ts";

describe("the contract check", () => {
  it("reports a wrong type, a missing key, an unknown key and an unknown status", () => {
    const vpc = { id: "5a4981aa-9653-4bd1-bef5-d6bff52042e4", name: "x", region: "nyc3", ip_range: "10.0.0.0/20", default: false };
    expect(responseViolations("GET /v2/vpcs/{vpc_id}", 200, { vpc })).toEqual([]);
    expect(responseViolations("GET /v2/vpcs/{vpc_id}", 200, { vpc: { ...vpc, default: "no" } })).toEqual([
      "GET /v2/vpcs/{vpc_id} 200 vpc.default: must be boolean",
    ]);
    expect(responseViolations("GET /v2/vpcs/{vpc_id}", 200, { vpc: { ...vpc, colour: "red" } })).toEqual([
      "GET /v2/vpcs/{vpc_id} 200 vpc.colour: unknown key",
    ]);
    expect(responseViolations("GET /v2/databases/{database_cluster_uuid}/ca", 200, { ca: {} })).toEqual([
      "GET /v2/databases/{database_cluster_uuid}/ca 200 ca: must have required property 'certificate'",
    ]);
    expect(responseViolations("GET /v2/vpcs/{vpc_id}", 202, { vpc })).toEqual([
      "GET /v2/vpcs/{vpc_id} replied 202, which is not described",
    ]);
    expect(requestViolations("POST /v2/vpcs", { name: "x" })).toEqual(["POST /v2/vpcs request: must have required property 'region'"]);
  });

  it("describes every route of the API", () => {
    expect(Object.keys(routes).filter((route) => !operations.includes(route))).toEqual([]);
  });

  it("is implemented in full, except for engines and products that do not run here", () => {
    const elsewhere = [
      /topics|schema-registry|indexes/, // Kafka and OpenSearch
      /account\/keys/, // SSH keys, for droplets
      /peerings/, // between VPCs
      /(app_id|deployment_id)\}\/logs$|\/exec$/, // all components in one stream, and shells
      /events/, // their autoscaling
      /job-invocations|\/invocations/, // scheduled jobs
      /metrics\/bandwidth_daily/,
    ];
    const missing = operations.filter((operation) => !(operation in routes) && !elsewhere.some((part) => part.test(operation)));
    expect(missing).toEqual([]);
  });
});
