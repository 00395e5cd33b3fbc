/** Runs the program's transforms as the engine does: the resource's own, its parents', then the stack's. */
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type * as proto from "@pulumi/pulumi/proto/resource_pb.js";
import messages from "@pulumi/pulumi/proto/resource_pb.js";
import { callBack } from "./sdk.ts";

type Chain = { readonly own: readonly Callback[]; readonly parent: string };

export class Transforms {
  readonly #chains = new Map<string, Chain>();
  readonly #ofStack: Callback[] = [];
  readonly #ofInvokes: Callback[] = [];

  addToStack(callback: Callback): void {
    this.#ofStack.push(callback);
  }

  addToInvokes(callback: Callback): void {
    this.#ofInvokes.push(callback);
  }

  /** Changes the request. */
  async apply(request: proto.RegisterResourceRequest, urn: string): Promise<void> {
    const own = request.getTransformsList();
    this.#chains.set(urn, { own, parent: request.getParent() });
    for (const callback of [...own, ...this.#inherited(request.getParent()), ...this.#ofStack]) {
      const transformRequest = new messages.TransformRequest();
      transformRequest.setType(request.getType());
      transformRequest.setName(request.getName());
      transformRequest.setCustom(request.getCustom());
      transformRequest.setParent(request.getParent());
      transformRequest.setProperties(request.getObject());
      transformRequest.setOptions(optionsOf(request));
      const response = messages.TransformResponse.deserializeBinary(await callBack(callback, transformRequest.serializeBinary()));
      request.setObject(response.getProperties());
      const options = response.getOptions();
      if (options) setOptions(request, options);
    }
  }

  async applyToInvoke(request: proto.ResourceInvokeRequest): Promise<void> {
    for (const callback of this.#ofInvokes) {
      const transformRequest = new messages.TransformInvokeRequest();
      transformRequest.setToken(request.getTok());
      transformRequest.setArgs(request.getArgs());
      const response = messages.TransformInvokeResponse.deserializeBinary(await callBack(callback, transformRequest.serializeBinary()));
      request.setArgs(response.getArgs());
    }
  }

  #inherited(urn: string): readonly Callback[] {
    const chain = this.#chains.get(urn);
    return chain ? [...chain.own, ...this.#inherited(chain.parent)] : [];
  }
}

/** Both messages contain the same options under slightly different names. */
function optionsOf(request: proto.RegisterResourceRequest): proto.TransformResourceOptions {
  const options = new messages.TransformResourceOptions();
  options.setDependsOnList(request.getDependenciesList());
  if (request.hasProtect()) options.setProtect(request.getProtect() ?? false);
  options.setIgnoreChangesList(request.getIgnorechangesList());
  options.setReplaceOnChangesList(request.getReplaceonchangesList());
  options.setVersion(request.getVersion());
  options.setAliasesList(request.getAliasesList());
  options.setProvider(request.getProvider());
  options.setCustomTimeouts(request.getCustomtimeouts());
  options.setPluginDownloadUrl(request.getPlugindownloadurl());
  if (request.hasRetainondelete()) options.setRetainOnDelete(request.getRetainondelete() ?? false);
  options.setDeletedWith(request.getDeletedwith());
  if (request.getDeletebeforereplacedefined()) options.setDeleteBeforeReplace(request.getDeletebeforereplace());
  options.setAdditionalSecretOutputsList(request.getAdditionalsecretoutputsList());
  for (const [name, provider] of request.getProvidersMap().entries()) options.getProvidersMap().set(name, provider);
  options.setHooks(request.getHooks());
  options.setImport(request.getImportid());
  options.setHideDiffList(request.getHidediffsList());
  options.setReplaceWithList(request.getReplaceWithList());
  options.setReplacementTrigger(request.getReplacementTrigger());
  return options;
}

function setOptions(request: proto.RegisterResourceRequest, options: proto.TransformResourceOptions): void {
  request.setDependenciesList(options.getDependsOnList());
  if (options.hasProtect()) request.setProtect(options.getProtect() ?? false);
  else request.clearProtect();
  request.setIgnorechangesList(options.getIgnoreChangesList());
  request.setReplaceonchangesList(options.getReplaceOnChangesList());
  request.setVersion(options.getVersion());
  request.setAliasesList(options.getAliasesList());
  request.setProvider(options.getProvider());
  request.setCustomtimeouts(options.getCustomTimeouts());
  request.setPlugindownloadurl(options.getPluginDownloadUrl());
  if (options.hasRetainOnDelete()) request.setRetainondelete(options.getRetainOnDelete() ?? false);
  else request.clearRetainondelete();
  request.setDeletedwith(options.getDeletedWith());
  request.setDeletebeforereplacedefined(options.hasDeleteBeforeReplace());
  request.setDeletebeforereplace(options.getDeleteBeforeReplace() ?? false);
  request.setAdditionalsecretoutputsList(options.getAdditionalSecretOutputsList());
  request.setHooks(options.getHooks());
  request.setImportid(options.getImport());
  request.setHidediffsList(options.getHideDiffList());
  request.setReplaceWithList(options.getReplaceWithList());
  request.setReplacementTrigger(options.getReplacementTrigger());
}
