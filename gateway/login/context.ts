import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts, User } from '../accounts/index.ts';
import type { Config, PublicAddress } from '../config/index.ts';
import type { AuditEntry, Clock, Identify, Log, Session } from '../lib/index.ts';
import { knotError, pageHeaders } from '../lib/index.ts';
import type { Route } from '../routes/index.ts';
import { describeDevice, type Sessions } from '../sessions/index.ts';
import { safeNext } from './next-url.ts';
import type { Throttle } from './throttle.ts';

/** What the sign-in pages are given by `app.ts`. */
export type LoginOptions = {
  accounts: Pick<Accounts, 'createUser' | 'verifyPassword' | 'findLink' | 'redeemLink' | 'hasAdmin' | 'findUser'>;
  sessions: Sessions;
  audit: { append(entry: AuditEntry): Promise<void> };
  identify: Identify;
  findRoute: (host: string) => Route | undefined;
  publicAddress: PublicAddress;
  config: Pick<Config, 'signUp' | 'login'>;
  throttle: Throttle;
  /** The local certificate authority, if certificates are Knot's own. */
  caPem: () => string | undefined;
  clock: Clock;
  log: Log;
  /** Hears a sign-out before the session ends, so that others (the provider) end theirs. */
  onSignOut?: (session: Session) => Promise<void> | void;
  /** Client address of a request; Fastify's own reading by default. */
  addressOf?: (request: FastifyRequest) => string;
};

export type LoginContext = LoginOptions & ReturnType<typeof createSteps>;

/** The steps that several of the pages share. */
export function createSteps(options: LoginOptions) {
  const { sessions, identify, publicAddress, findRoute, log } = options;
  const addressOf = options.addressOf ?? ((request: FastifyRequest) => request.ip);

  function nextOf(next: string | undefined): string {
    return safeNext(next, { publicAddress, isRouteHost: (host) => findRoute(host) !== undefined });
  }

  async function identityOf(request: FastifyRequest) {
    return identify(request.headers.cookie, '');
  }

  /**
   * Starts a session under a new id, ends the one the browser had (fixation, C5), and goes on.
   * @throws KNOT_LOGIN_ACCOUNT_CHANGED when what was verified does not hold any more
   */
  async function signIn(request: FastifyRequest, reply: FastifyReply, user: User, next: string): Promise<FastifyReply> {
    const started = await sessions.start({
      user,
      device: describeDevice(request.headers['user-agent']),
      address: addressOf(request),
      replaced: (await sessions.find(request.headers.cookie, '')) ?? undefined,
    });
    if (!started) {
      log.info({ subject: user.id, user: user.username }, 'not signed in: the account changed meanwhile');
      throw knotError('KNOT_LOGIN_ACCOUNT_CHANGED', 409, 'The account or its password was changed at this moment.', {
        remedy: 'Sign in again.',
      });
    }
    log.info({ subject: user.id, user: user.username }, 'signed in');
    return sendOn(reply.header('set-cookie', sessions.cookie(started.secret)), next);
  }

  return { addressOf, nextOf, identityOf, signIn };
}

/** Goes to another page by GET. */
export function sendOn(reply: FastifyReply, location: string): FastifyReply {
  return reply.code(303).header('location', location).header('cache-control', 'no-store').send();
}

export function sendPage(reply: FastifyReply, page: string, status = 200): FastifyReply {
  return reply.code(status).headers(pageHeaders).send(page);
}
