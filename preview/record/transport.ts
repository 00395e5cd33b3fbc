/** The security of a connection, as a URL or a setting of a client says it. It is no secret, also if the rest of the value is one. */

export interface Transport {
  readonly security: "plain" | "encrypted" | "verified";
  /** What says it: "sslmode=require", "redis://". */
  readonly text: string;
  /** A setting of its own, not a part of an address. */
  readonly isSwitch: boolean;
}

/** https://www.postgresql.org/docs/current/libpq-ssl.html: the modes below `require` accept a connection without encryption. */
const MODES: Readonly<Record<string, Transport["security"]>> = {
  disable: "plain",
  allow: "plain",
  prefer: "plain",
  require: "encrypted",
  "no-verify": "encrypted",
  "verify-ca": "verified",
  "verify-full": "verified",
};

const SCHEMES: Readonly<Record<string, Transport["security"]>> = {
  redis: "plain",
  valkey: "plain",
  http: "plain",
  ws: "plain",
  amqp: "plain",
  mqtt: "plain",
  smtp: "plain",
  ldap: "plain",
  rediss: "verified",
  valkeys: "verified",
  https: "verified",
  wss: "verified",
  amqps: "verified",
  mqtts: "verified",
  smtps: "verified",
  ldaps: "verified",
};

const POSTGRES = /^postgres(?:ql)?:\/\//i;

/** @param name of the variable; a switch is known by it */
export function transportOf(name: string, text: string): Transport | undefined {
  if (text.length > 10_000) return undefined;
  return switchOf(name, text.trim()) ?? addressOf(text.trim());
}

function switchOf(name: string, value: string): Transport | undefined {
  const setting = { text: `${name}=${value.slice(0, 40)}`, isSwitch: true };
  if (/SSL_?MODE$/i.test(name)) {
    const security = MODES[value.toLowerCase()];
    return security && { ...setting, security };
  }
  const isOff = /^(?:0|false|off|no|none|disable[d]?)$/i.test(value);
  const isOn = /^(?:1|true|on|yes|enable[d]?)$/i.test(value);
  if (!isOff && !isOn) return undefined;
  if (/(?:SKIP_(?:SSL|TLS)_VERIFY|(?:SSL|TLS)_INSECURE|INSECURE_(?:SSL|TLS))$/i.test(name))
    return { ...setting, security: isOn ? "encrypted" : "verified" };
  if (/REJECT_UNAUTHORIZED$|(?:SSL|TLS)_VERIFY$|VERIFY_(?:SSL|TLS)$/i.test(name))
    return { ...setting, security: isOff ? "encrypted" : "verified" };
  return /(?:^|_)(?:SSL|TLS|USE_SSL|USE_TLS|SSL_ENABLED|TLS_ENABLED)$/i.test(name)
    ? { ...setting, security: isOff ? "plain" : "verified" }
    : undefined;
}

function addressOf(text: string): Transport | undefined {
  const [, mode] = /[?&\s]ssl-?mode=([a-z-]+)/i.exec(text) ?? [];
  if (mode !== undefined && MODES[mode.toLowerCase()] !== undefined)
    return { security: MODES[mode.toLowerCase()]!, text: `sslmode=${mode}`, isSwitch: false };
  if (/[?&]ssl=(?:0|false|no)\b/i.test(text)) return { security: "plain", text: "ssl=false", isSwitch: false };
  // Clients differ in what they do without a mode; none of them verifies.
  if (POSTGRES.test(text))
    return /[?&]ssl=(?:1|true|yes)\b/i.test(text)
      ? { security: "encrypted", text: "ssl=true", isSwitch: false }
      : { security: "plain", text: "no sslmode", isSwitch: false };
  const [, scheme] = /^([a-z]+):\/\//i.exec(text) ?? [];
  const security = SCHEMES[scheme?.toLowerCase() ?? ""];
  if (security === undefined) return undefined;
  const isUnverified =
    security === "verified" && /[?&](?:ssl_cert_reqs=(?:none|cert_none)|rejectUnauthorized=(?:false|0)|verify=false)/i.test(text);
  return { security: isUnverified ? "encrypted" : security, text: `${scheme}://`, isSwitch: false };
}
