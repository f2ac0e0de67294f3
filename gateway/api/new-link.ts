import type { Actor, Link } from '../accounts/index.ts';
import type { Needs } from './context.ts';
import type { NewLink } from './contract.ts';

/** Where the pages of `login` take a token. */
const pages = { invitation: '/invite', reset: '/reset' } as const;

const texts = {
  invitation: { subject: 'You are invited to Knot', lead: 'You are invited. Choose a username and a password here:' },
  reset: { subject: 'Choose your password for Knot', lead: 'Choose a password for your account here:' },
} as const;

export type LinkWish = {
  kind: 'invitation' | 'reset';
  userId?: string;
  /** Written into an invitation: the account will have this address. */
  email?: string | undefined;
  /** Sent there if mail is configured. */
  mailTo?: string | undefined;
};

type Made = { link: Link; token: string };

export type LinkMaker = {
  make(wish: LinkWish, actor: Actor): Promise<{ link: Link; newLink: NewLink }>;
  /** The same for one that is made already, with the account that it opens. */
  send(made: Made, mailTo: string | undefined): Promise<{ link: Link; newLink: NewLink }>;
};

/** Makes one-time links and sends them, if they can be sent; the address is in the answer anyway. */
export function createLinkMaker({
  accounts,
  mail,
  config,
  publicAddress,
  log,
}: Needs<'accounts' | 'mail' | 'config' | 'publicAddress' | 'log'>): LinkMaker {
  async function mailed(to: string, kind: LinkWish['kind'], url: string, expiresAt: number): Promise<boolean> {
    if (!mail.isConfigured) return false;
    const { subject, lead } = texts[kind];
    const until = new Date(expiresAt).toUTCString();
    try {
      await mail.send({ to, subject, text: `${lead}\n\n${url}\n\nThe link works once, until ${until}.\n` });
      return true;
    } catch (error) {
      log.warn({ err: error, kind }, 'a link could not be mailed; the admin sees it');
      return false;
    }
  }

  async function tell({ link, token }: Made, mailTo: string | undefined): ReturnType<LinkMaker['send']> {
    const kind = link.kind === 'invitation' ? 'invitation' : 'reset';
    const url = `${publicAddress.origin}${pages[kind]}/${token}`;
    const isMailed = mailTo !== undefined && (await mailed(mailTo, kind, url, link.expiresAt));
    if (isMailed && kind === 'reset') await accounts.noteMailed(link.id, mailTo);
    return { link, newLink: { url, expiresAt: link.expiresAt, isMailed } };
  }

  return {
    send: tell,
    async make({ kind, userId, email, mailTo }, actor) {
      const wish = {
        kind,
        lifetimeSeconds: config.login.linkSeconds,
        ...(userId === undefined ? {} : { userId }),
        ...(email === undefined ? {} : { email }),
      };
      return tell(await accounts.createLink(wish, actor), mailTo);
    },
  };
}
