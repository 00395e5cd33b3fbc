/** How the keys of backups look. */

/** Public: which keys backups are encrypted for. */
export const AGE_RECIPIENT = /^age1[a-z0-9]{20,}$/;

/** Of the key that decrypts: it must not be where backups are made. */
export const AGE_SECRET_KEY = /AGE-SECRET-KEY/i;

export const SIGNING_KEY_PREFIX = "slipway-signing-key-";

export const VERIFY_KEY_PREFIX = "slipway-verify-key-";

/** Public: an Ed25519 key of 44 bytes, that checks signatures. */
export const VERIFY_KEY = new RegExp(`^${VERIFY_KEY_PREFIX}[A-Za-z0-9_-]{59}$`);
