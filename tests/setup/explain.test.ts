import { describe, expect, it } from "vitest";
import { ROOT } from "./checkout.ts";

const { explain } = await import(`${ROOT}/setup/npm.mjs`);

// Output of npm 10 and 11.
const failures: readonly (readonly [why: string, npm: string, expected: readonly string[]])[] = [
  [
    "a full disk",
    "npm error code ENOSPC\nnpm error syscall write\nnpm error errno -28\nnpm error nospc ENOSPC: no space left on device, write",
    ["The disk is full", "Free about 700 MB"],
  ],
  [
    "a full disk that npm reports as a warning",
    "npm warn EBADENGINE Unsupported engine {\nnpm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write\n\nadded 310 packages in 26s",
    ["The disk is full"],
  ],
  ["Ctrl-C", "npm error process terminated\nnpm error signal SIGINT", ["Stopped before the dependencies were installed completely"]],
  [
    "a folder of another user",
    "npm error code EACCES\nnpm error syscall mkdir\nnpm error path /srv/slipway/node_modules\nnpm error Error: EACCES: permission denied, mkdir '/srv/slipway/node_modules'",
    ["EACCES: permission denied, mkdir '/srv/slipway/node_modules'", "copy this folder"],
  ],
  [
    "no name server",
    "npm error code EAI_AGAIN\nnpm error syscall getaddrinfo\nnpm error request to https://registry.example.org/zod failed, reason: getaddrinfo EAI_AGAIN registry.example.org",
    ["https://registry.example.org does not respond (EAI_AGAIN)", "run the same command again"],
  ],
  [
    "a proxy that intercepts TLS",
    "npm error code SELF_SIGNED_CERT_IN_CHAIN\nnpm error request to https://registry.example.org/zod failed, reason: self-signed certificate in certificate chain",
    ["https://registry.example.org uses a certificate", "export NODE_EXTRA_CA_CERTS="],
  ],
  [
    "a package with a wrong checksum",
    "npm error code EINTEGRITY\nnpm error sha512-a integrity checksum failed when using sha512: wanted sha512-a but got sha512-b. (1 bytes)",
    ["checksum of a downloaded package differs", "npm cache clean --force"],
  ],
  [
    "a registry that requires a login",
    "npm error code E401\nnpm error Unable to authenticate, your authentication token seems to be invalid.\nnpm error A complete log of this run can be found in: /root/.npm/_logs/x.log",
    ["refused the download of the dependencies (E401)", "Unable to authenticate", "npm config get registry"],
  ],
  [
    "any other error",
    "npm error code EWEIRD\nnpm error the mast broke\n    at Object.<anonymous> (x.js:1:1)",
    ["npm could not install the dependencies", "the mast broke"],
  ],
];

describe("an npm failure", () => {
  it.each(failures)("explains %s without npm's log or a stack trace", (_why, npm, expected) => {
    const text = explain(npm, "the dependencies");
    for (const part of expected) expect(text).toContain(part);
    expect(text).not.toMatch(/npm error|complete log|^\s+at /m);
  });
});
