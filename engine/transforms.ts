import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
export class Transforms {
  async apply(_request: RegisterResourceRequest): Promise<void> {}
  register(_callback: Callback, reply: (error: Error | null, response?: object) => void): void {
    reply(null, {});
  }
  close(): void {}
}
