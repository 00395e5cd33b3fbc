/** Where App Platform finds an image, from the name that people write. */
import { RunError } from "@pulumi/pulumi";

export interface ImageSource {
  registryType: "DOCR" | "GHCR" | "DOCKER_HUB";
  registry?: string;
  repository: string;
  tag?: string;
  digest?: string;
}

/**
 * `ghcr.io/owner/name:1.2.3`, `registry.digitalocean.com/mine/name@sha256:…`, `docker.io/owner/name:1` or `owner/name:1`.
 *
 * @param setting names it in the message that refuses it
 */
export function imageSource(image: string, setting: string): ImageSource {
  const [, host = "docker.io", registry, repository, tag, digest] =
    /^(?:([a-z0-9.-]+\.[a-z]{2,}(?::\d+)?)\/)?([a-z0-9._-]+)\/([a-z0-9._/-]+?)(?::([\w][\w.-]*)|@(sha256:[0-9a-f]{64}))$/.exec(image) ?? [];
  if (registry === undefined || repository === undefined) throw refuse(image, setting);
  const version = digest === undefined ? { tag: tag! } : { digest };
  switch (host) {
    case "registry.digitalocean.com":
      // The account has one registry, and App Platform wants it left out.
      return { registryType: "DOCR", repository, ...version };
    case "ghcr.io":
      return { registryType: "GHCR", registry, repository, ...version };
    case "docker.io":
      return { registryType: "DOCKER_HUB", registry, repository, ...version };
    default:
      throw refuse(image, setting);
  }
}

function refuse(image: string, setting: string): RunError {
  return new RunError(
    `${setting} is "${image}". App Platform pulls from registry.digitalocean.com, ghcr.io and docker.io, by tag or digest: ` +
      "ghcr.io/<owner>/slipway:1.0.0.",
  );
}
