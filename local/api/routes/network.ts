import {
  createDomain,
  createRecord,
  DomainAsk,
  deleteDomain,
  deleteRecord,
  listDomains,
  listRecords,
  RecordAsk,
  RecordChange,
  readDomain,
  readRecord,
  updateRecord,
} from "../../cloud/network/domains.ts";
import {
  createVpc,
  deleteVpc,
  listMembers,
  listVpcs,
  readVpc,
  updateVpc,
  VpcAsk,
  VpcChange,
  VpcReplacement,
} from "../../cloud/network/vpcs.ts";
import { created, ok, page, type Request, replyEmpty } from "../request.ts";
import type { Routes } from "../router.ts";

const vpc = ({ params }: Request) => params.vpc_id!;
const domain = ({ params }: Request) => params.domain_name!;
const record = ({ params }: Request) => params.domain_record_id!;
const wanted = ({ query }: Request) => ({ type: query.get("type") ?? undefined, name: query.get("name") ?? undefined });
const change = (r: Request) => ok({ domain_record: updateRecord(r.cloud, domain(r), record(r), r.body(RecordChange)) });

export const networkRoutes: Routes = {
  "GET /v2/vpcs": (r) => page(r, "vpcs", listVpcs(r.cloud)),
  "POST /v2/vpcs": (r) => created({ vpc: createVpc(r.cloud, r.body(VpcAsk)) }),
  "GET /v2/vpcs/{vpc_id}": (r) => ok({ vpc: readVpc(r.cloud, vpc(r)) }),
  "PUT /v2/vpcs/{vpc_id}": (r) => ok({ vpc: updateVpc(r.cloud, vpc(r), r.body(VpcReplacement)) }),
  "PATCH /v2/vpcs/{vpc_id}": (r) => ok({ vpc: updateVpc(r.cloud, vpc(r), r.body(VpcChange)) }),
  "DELETE /v2/vpcs/{vpc_id}": (r) => replyEmpty(deleteVpc(r.cloud, vpc(r))),
  "GET /v2/vpcs/{vpc_id}/members": (r) => page(r, "members", listMembers(r.cloud, vpc(r), r.query.get("resource_type") ?? undefined)),

  "GET /v2/domains": (r) => page(r, "domains", listDomains(r.cloud)),
  "POST /v2/domains": (r) => created({ domain: createDomain(r.cloud, r.body(DomainAsk)) }),
  "GET /v2/domains/{domain_name}": (r) => ok({ domain: readDomain(r.cloud, domain(r)) }),
  "DELETE /v2/domains/{domain_name}": (r) => replyEmpty(deleteDomain(r.cloud, domain(r))),
  "GET /v2/domains/{domain_name}/records": (r) => page(r, "domain_records", listRecords(r.cloud, domain(r), wanted(r))),
  "POST /v2/domains/{domain_name}/records": (r) => created({ domain_record: createRecord(r.cloud, domain(r), r.body(RecordAsk)) }),
  "GET /v2/domains/{domain_name}/records/{domain_record_id}": (r) => ok({ domain_record: readRecord(r.cloud, domain(r), record(r)) }),
  "PUT /v2/domains/{domain_name}/records/{domain_record_id}": change,
  "PATCH /v2/domains/{domain_name}/records/{domain_record_id}": change,
  "DELETE /v2/domains/{domain_name}/records/{domain_record_id}": (r) => replyEmpty(deleteRecord(r.cloud, domain(r), record(r))),
};
