import type { EventEmitter } from 'node:events';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Log } from '../lib/index.ts';
import type { KnotAccount } from './account.ts';

/** What clients are told is vague on purpose; the log says what was wrong. */
export function logRefusals(provider: Provider, log: Log): void {
  const facts = (context: KoaContextWithOIDC, error: Error) => {
    const {
      error: code,
      error_description: description,
      error_detail: detail,
    } = error as {
      error?: string;
      error_description?: string;
      error_detail?: string;
    };
    const account = context.oidc?.account as KnotAccount | undefined;
    return {
      clientId: context.oidc?.client?.clientId,
      subject: account?.principal.username,
      code,
      description,
      detail,
    };
  };
  provider.on('grant.error', (context, error) => log.info(facts(context, error), 'a token request was refused'));
  provider.on('authorization.error', (context, error) =>
    log.info(facts(context, error), 'an authorization request was refused'),
  );
  provider.on('userinfo.error', (context, error) => log.debug(facts(context, error), 'a userinfo request was refused'));
  provider.on('introspection.error', (context, error) =>
    log.info(facts(context, error), 'an introspection was refused'),
  );
  provider.on('revocation.error', (context, error) => log.info(facts(context, error), 'a revocation was refused'));
  provider.on('end_session.error', (context, error) => log.info(facts(context, error), 'a sign-out was refused'));
  provider.on('server_error', (context, error) =>
    log.error({ ...facts(context, error), err: error }, 'the provider failed'),
  );
  // Without a listener Koa would write to the console.
  (provider as EventEmitter).on('error', (error: unknown) => log.error({ err: error }, 'the provider failed'));
  provider.on('backchannel.error', (_context, error, client) =>
    log.warn({ err: error, clientId: client.clientId }, 'a client did not accept the back-channel logout'),
  );
}
