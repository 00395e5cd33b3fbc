import { expect, it } from "vitest";
import { imageSource } from "./image.ts";

const digest = `sha256:${"0".repeat(64)}`;

it("reads the names of the three registries that App Platform pulls from, by tag or digest", () => {
  expect(imageSource("ghcr.io/acme/slipway:1.2.3", "slipway:postDeploy.image")).toEqual({
    registryType: "GHCR",
    registry: "acme",
    repository: "slipway",
    tag: "1.2.3",
  });
  expect(imageSource(`registry.digitalocean.com/acme/slipway@${digest}`, "slipway:postDeploy.image")).toEqual({
    registryType: "DOCR",
    repository: "slipway",
    digest,
  });
  expect(imageSource("docker.io/acme/tools/slipway:1", "slipway:postDeploy.image")).toEqual({
    registryType: "DOCKER_HUB",
    registry: "acme",
    repository: "tools/slipway",
    tag: "1",
  });
  expect(imageSource("acme/slipway:1", "slipway:postDeploy.image")).toMatchObject({
    registryType: "DOCKER_HUB",
    registry: "acme",
    repository: "slipway",
  });
});

it.each(["slipway", "quay.io/acme/slipway:1", "ghcr.io/acme/slipway", "ghcr.io/acme/slipway@sha256:1"])(
  "refuses %s and says what is pulled",
  (image) => {
    expect(() => imageSource(image, "slipway:postDeploy.image")).toThrow(
      `slipway:postDeploy.image is "${image}". App Platform pulls from registry.digitalocean.com, ghcr.io and docker.io`,
    );
  },
);
