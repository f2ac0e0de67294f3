/**
 * mail: outgoing mail, if configured.
 * Owns: the SMTP transport. Does not own: what is written.
 * Mounts: nothing.
 */
export { createMail, type Mail, type MailMessage, type MailSettings } from './service.ts';
