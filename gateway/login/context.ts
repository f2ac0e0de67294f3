import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts, User } from '../accounts/index.ts';
import type { Config, PublicAddress } from '../config/index.ts';
import type { AuditEntry, Clock, Identify, Log } from '../lib/index.ts';
import { knotError } from '../lib/index.ts';
import type { Mail } from '../mail/index.ts';
import type { Route } from '../routes/index.ts';
import { describeDevice, type Sessions } from '../sessions/index.ts';
import { createNext, type Next } from './next.ts';
import { readDeviceCookie, writeDeviceCookie } from './places.ts';
import { createSetupState } from './setup-state.ts';
import type { Attempt, Throttle } from './throttle.ts';

/** What the sign-in pages are given by `app.ts`. */
export type LoginOptions = {
  accounts: Pick<
    Accounts,
    | 'createUser'
    | 'askForAccount'
    | 'askForLink'
    | 'expectRoom'
    | 'verifyPassword'
    | 'findSignIn'
    | 'findLink'
    | 'redeemLink'
    | 'hasAdmin'
    | 'findUser'
  >;
  sessions: Sessions;
  audit: { append(entry: AuditEntry): Promise<void> };
  identify: Identify;
  findRoute: (host: string) => Route | undefined;
  publicAddress: PublicAddress;
  config: Pick<Config, 'signUp' | 'login'>;
  throttle: Throttle;
  mail: Mail;
  /** The local certificate authority, if certificates are Knot's own. */
  caPem: () => string | undefined;
  clock: Clock;
  log: Log;
  /** Client address of a request, through trusted proxies. */
  addressOf: (request: FastifyRequest) => string;
};

export type LoginContext = LoginOptions & ReturnType<typeof createSteps>;

/** The steps that several of the pages share. */
export function createSteps(options: LoginOptions) {
  const { accounts, sessions, identify, throttle, addressOf, log } = options;
  const next = createNext(options);

  async function identityOf(request: FastifyRequest) {
    return identify(request.headers.cookie, '');
  }

  /** Where an attempt comes from, for the throttle. */
  function originOf(request: FastifyRequest) {
    return { address: addressOf(request), device: readDeviceCookie(request.headers.cookie) };
  }

  /** Makes this browser known to somebody who proved by a link who they are; what strangers guessed until now is void. */
  async function recognise(request: FastifyRequest, user: User): Promise<string> {
    const origin = originOf(request);
    const device = await throttle.deviceFor(origin.device);
    await throttle.welcome(user, { ...origin, device });
    return writeDeviceCookie(device);
  }

  /**
   * Starts a session under a new secret, ends the one of somebody else that the browser had (fixation, C5), and goes on. This browser and
   * network are known to the account from now on; `attempt` is what the throttle counted, if anything was guessed.
   * @throws KNOT_LOGIN_ACCOUNT_CHANGED when what was verified does not hold any more
   */
  async function signIn(
    request: FastifyRequest,
    reply: FastifyReply,
    user: User,
    to: Next,
    attempt?: Attempt,
  ): Promise<FastifyReply> {
    const origin = originOf(request);
    const device = await throttle.deviceFor(origin.device);
    const cleared = attempt && (await throttle.succeeding(attempt));
    const started = await sessions.start({
      user,
      device: describeDevice(request.headers['user-agent']),
      address: origin.address,
      cookie: request.headers.cookie,
      async also(transaction) {
        await cleared?.(transaction);
        await throttle.remember(transaction, user.id, { ...origin, device });
      },
    });
    if (!started) {
      log.info({ subject: user.id, user: user.username }, 'not signed in: the account changed meanwhile');
      throw knotError('KNOT_LOGIN_ACCOUNT_CHANGED', 409, 'The account or its password was changed at this moment.', {
        remedy: 'Sign in again.',
      });
    }
    log.info({ subject: user.id, user: user.username }, 'signed in');
    return next.goOn(reply.header('set-cookie', [sessions.cookie(started.secret), writeDeviceCookie(device)]), to);
  }

  return { addressOf, originOf, identityOf, recognise, signIn, isSetUp: createSetupState(accounts), ...next };
}
