import type { Transporter } from 'nodemailer';
import { type KnotError, knotError, type Log } from '../lib/index.ts';

export type MailMessage = { to: string; subject: string; text: string };

export type Mail = {
  /** False when no server is configured: links are then shown to the admin to pass on. */
  isConfigured: boolean;
  /** Returns when the server has taken the message over. @throws KNOT_MAIL_FAILED */
  send(message: MailMessage): Promise<void>;
};

/** `mail` of the configuration, with the password itself in place of where it is kept. */
export type MailSettings = {
  /** `smtp://USER@HOST:PORT` or `smtps://…` */
  server: string;
  from: string;
  password?: string;
};

export type MailOptions = {
  settings: MailSettings | undefined;
  log: Log;
  /** How long each step may take, milliseconds: connecting, the greeting, silence within the dialogue. */
  timeoutMs?: number;
};

const defaultTimeoutMs = 10_000;

/** The library is loaded with the first message: most installations never send one. */
export function createMail({ settings, log, timeoutMs = defaultTimeoutMs }: MailOptions): Mail {
  if (!settings) return { isConfigured: false, send: () => Promise.reject(failed('not configured')) };
  let transport: Promise<Transporter> | undefined;
  return {
    isConfigured: true,
    async send({ to, subject, text }) {
      const address = { name: '', address: oneAddress(to) };
      try {
        transport ??= openTransport(settings, timeoutMs);
        const sender = await transport;
        await sender.sendMail({ from: settings.from, to: address, subject, text });
      } catch (error) {
        const reason = reasonOf(error, settings);
        log.warn(reason, 'a mail could not be sent');
        throw failed(reason.reason, reason);
      }
    },
  };
}

async function openTransport({ server, password }: MailSettings, timeoutMs: number): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  const url = new URL(server);
  const isSecure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const user = decodeURIComponent(url.username);
  return createTransport({
    host,
    port: url.port === '' ? (isSecure ? 465 : 587) : Number(url.port),
    secure: isSecure,
    requireTLS: requiresEncryption(url),
    ...(user === '' ? {} : { auth: { user, pass: password ?? '' } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

/** A password never crosses a network in the clear; on this machine there is nobody in between. */
export function requiresEncryption(url: URL): boolean {
  const isLoopback = /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(url.hostname);
  return url.username !== '' && !isLoopback;
}

/** As text the header is parsed as a list: a comma would send the link to someone else as well. */
function oneAddress(text: string): string {
  if (!/^[^\s,;<>@]+@[^\s,;<>@]+$/.test(text)) throw failed('the recipient is not one address');
  return text;
}

/** Facts for the log. A server may repeat what it was sent, so the text of its answer is not kept; its codes are. */
function reasonOf(
  error: unknown,
  { server }: MailSettings,
): { reason: string; status?: number; step?: string; server: string } {
  const { code, responseCode, command } = (error ?? {}) as {
    code?: unknown;
    responseCode?: unknown;
    command?: unknown;
  };
  return {
    reason: typeof code === 'string' ? code : 'unknown',
    ...(typeof responseCode === 'number' ? { status: responseCode } : {}),
    ...(typeof command === 'string' && /^[A-Z ]{2,20}$/.test(command) ? { step: command } : {}),
    server: URL.parse(server)?.host ?? '',
  };
}

function failed(reason: string, internal: Record<string, unknown> = { reason }): KnotError {
  return knotError('KNOT_MAIL_FAILED', 502, 'The mail could not be sent.', {
    remedy: 'Pass the link on by hand; an administrator finds the reason in the log of the gateway.',
    internal,
  });
}
