/** The environment variables that say where `slipway watch` sends alerts. Those with a secret are never flags: a list of processes shows flags. */

export const ALERT_VARIABLES = {
  /** smtps://user:password@smtp.example.com:465, or smtp://…:587, which then requires STARTTLS. */
  smtp: "SLIPWAY_ALERT_SMTP",
  /** The sender: "slipway <alerts@example.com>". */
  from: "SLIPWAY_ALERT_FROM",
  /** Recipients, separated by commas. Without it, those of the systems' definitions. */
  to: "SLIPWAY_ALERT_TO",
  /** An incoming webhook of Slack, or of anything that accepts its form. */
  slack: "SLIPWAY_ALERT_SLACK",
  /** The routing key of a PagerDuty integration (Events API v2). It gets critical alerts only. */
  pagerduty: "SLIPWAY_ALERT_PAGERDUTY",
  /** Where the events go instead of to PagerDuty itself, for its European service or a compatible one. */
  pagerdutyUrl: "SLIPWAY_ALERT_PAGERDUTY_URL",
} as const;
