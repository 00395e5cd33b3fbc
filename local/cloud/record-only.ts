import type { Backing } from "./backing.ts";

/** A backing that runs no servers. Every address ends in `.test`, which does not resolve. For tests, and for trying a provider without servers. */
export const recordOnly: Backing = {
  placeCluster: async ({ name, engine, region }) => {
    const domain = `${name}-do-user-1-0.${region}.db.ondigitalocean.test`;
    return { host: domain, privateHost: `private-${domain}`, port: engine === "pg" ? 25060 : 25061, poolPort: 25061, ca: CERTIFICATE };
  },
  startCluster: (cluster) => recordOnly.placeCluster(cluster),
  removeCluster: async () => {},
  createDatabase: async () => {},
  dropDatabase: async () => {},
  createUser: async () => {},
  setPassword: async () => {},
  dropUser: async () => {},
  setPool: async () => {},
  removePool: async () => {},
  setFirewall: async () => {},
  configure: async () => {},
  placeApp: async ({ name, suffix, services }) => ({
    url: `https://${name}-${suffix}.ondigitalocean.test`,
    services: Object.fromEntries(services.map((service) => [service.name, { host: service.name, port: service.port }])),
  }),
  deployApp: async () => ({ ok: true }),
  runJob: async () => ({ ok: true }),
  removeApp: async () => {},
  readLog: async () => "",
  close: async () => {},
};

/** A valid certificate, so that clients can parse it. Its private key was deleted. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBsTCCAVegAwIBAgIUfG57rTYYAjOqk5rI0QM1iD+onIQwCgYIKoZIzj0EAwIw
LTErMCkGA1UEAwwic2xpcHdheSBsb2NhbCBjbG91ZCAobm90aGluZyBydW5zKTAg
Fw0yNjExMjEwNDA1MDlaGA8yMTI2MTAyODA0MDUwOVowLTErMCkGA1UEAwwic2xp
cHdheSBsb2NhbCBjbG91ZCAobm90aGluZyBydW5zKTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABHK583tMfyo/g0qnlnl4kbRtKSNUVASlz1DnjTRRnlsyEgo0VIc8
uKUEIFFgylyXZNlprGk9o+k8e7AzFzcG9TujUzBRMB0GA1UdDgQWBBQkl/qpjmMK
OnXbrpX47X39wJmRojAfBgNVHSMEGDAWgBQkl/qpjmMKOnXbrpX47X39wJmRojAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIELaozTGKB/c6GEJRjKm
2D9cFXXAFZiGYzJqTvGh1QFoAiEArcpMrrTt58F0tRm5eTDhqXOJKTQ2NN3g+AG5
Kbh87fs=
-----END CERTIFICATE-----
`;
