import {
  CreateDomainRequest,
  CreateRecordRequest,
  createDomain,
  createRecord,
  deleteDomain,
  deleteRecord,
  listDomains,
  listRecords,
  readDomain,
  readRecord,
  UpdateRecordRequest,
  updateRecord,
} from "../../cloud/network/domains.ts";
import {
  CreateVpcRequest,
  createVpc,
  deleteVpc,
  listMembers,
  listVpcs,
  PatchVpcRequest,
  ReplaceVpcRequest,
  readVpc,
  updateVpc,
} from "../../cloud/network/vpcs.ts";
import { created, ok, paginate, type Request, replyEmpty } from "../request.ts";
import type { Routes } from "../router.ts";

const vpc = ({ params }: Request) => params.vpc_id!;
const domain = ({ params }: Request) => params.domain_name!;
const record = ({ params }: Request) => params.domain_record_id!;
const recordFilter = ({ query }: Request) => ({ type: query.get("type") ?? undefined, name: query.get("name") ?? undefined });
const replaceRecord = (r: Request) => ok({ domain_record: updateRecord(r.cloud, domain(r), record(r), r.body(UpdateRecordRequest)) });

export const networkRoutes: Routes = {
  "GET /v2/vpcs": (r) => paginate(r, "vpcs", listVpcs(r.cloud)),
  "POST /v2/vpcs": (r) => created({ vpc: createVpc(r.cloud, r.body(CreateVpcRequest)) }),
  "GET /v2/vpcs/{vpc_id}": (r) => ok({ vpc: readVpc(r.cloud, vpc(r)) }),
  "PUT /v2/vpcs/{vpc_id}": (r) => ok({ vpc: updateVpc(r.cloud, vpc(r), r.body(ReplaceVpcRequest)) }),
  "PATCH /v2/vpcs/{vpc_id}": (r) => ok({ vpc: updateVpc(r.cloud, vpc(r), r.body(PatchVpcRequest)) }),
  "DELETE /v2/vpcs/{vpc_id}": (r) => replyEmpty(deleteVpc(r.cloud, vpc(r))),
  "GET /v2/vpcs/{vpc_id}/members": (r) => paginate(r, "members", listMembers(r.cloud, vpc(r), r.query.get("resource_type") ?? undefined)),

  "GET /v2/domains": (r) => paginate(r, "domains", listDomains(r.cloud)),
  "POST /v2/domains": (r) => created({ domain: createDomain(r.cloud, r.body(CreateDomainRequest)) }),
  "GET /v2/domains/{domain_name}": (r) => ok({ domain: readDomain(r.cloud, domain(r)) }),
  "DELETE /v2/domains/{domain_name}": (r) => replyEmpty(deleteDomain(r.cloud, domain(r))),
  "GET /v2/domains/{domain_name}/records": (r) => paginate(r, "domain_records", listRecords(r.cloud, domain(r), recordFilter(r))),
  "POST /v2/domains/{domain_name}/records": (r) =>
    created({ domain_record: createRecord(r.cloud, domain(r), r.body(CreateRecordRequest)) }),
  "GET /v2/domains/{domain_name}/records/{domain_record_id}": (r) => ok({ domain_record: readRecord(r.cloud, domain(r), record(r)) }),
  "PUT /v2/domains/{domain_name}/records/{domain_record_id}": replaceRecord,
  "PATCH /v2/domains/{domain_name}/records/{domain_record_id}": replaceRecord,
  "DELETE /v2/domains/{domain_name}/records/{domain_record_id}": (r) => replyEmpty(deleteRecord(r.cloud, domain(r), record(r))),
};
