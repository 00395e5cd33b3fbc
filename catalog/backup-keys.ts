/** How the keys of backups look. */

/** Public: which keys backups are encrypted for. */
export const AGE_RECIPIENT = /^age1[a-z0-9]{20,}$/;

/** Of the key that decrypts: it must not be where backups are made. */
export const AGE_SECRET_KEY = /AGE-SECRET-KEY/i;

export const SIGNING_KEY_PREFIX = "slipway-signing-key-";
