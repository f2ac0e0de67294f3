/**
 * mail: outgoing mail, if configured.
 * Owns: the SMTP transport. Does not own: what is written.
 * Mounts: nothing.
 */
export type Mail = {
  /** False when no server is configured: links are then shown to the admin to pass on. */
  isConfigured: boolean;
  /** @throws KNOT_MAIL_FAILED */
  send(message: { to: string; subject: string; text: string }): Promise<void>;
};
