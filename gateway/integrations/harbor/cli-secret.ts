import { knotError } from '../../lib/index.ts';
import type { Person } from '../registry.ts';
import type { AskHarbor } from './ask.ts';
import { everyPage } from './pages.ts';

type Found = { user_id: number; username: string };
type User = Found & { oidc_user_meta?: { subiss?: string; secret?: string } };

const v2 = '/api/v2.0';

/**
 * The secret that somebody's programs sign in to the registry with. `rotate` makes another; the one of before ends at once.
 * @throws KNOT_INTEGRATIONS_HARBOR_NEVER_OPENED for who has never been in Harbor, which makes them known there
 */
export async function cliSecretOf(ask: AskHarbor, issuer: string, person: Person, rotate: boolean): Promise<string> {
  const user = await findUser(ask, issuer, person);
  if (user === undefined) throw neverOpened();
  if (rotate) {
    await ask('PUT', `${v2}/users/${user.user_id}/cli_secret`, { body: { secret: '' } });
    const again = await findUser(ask, issuer, person);
    if (again?.oidc_user_meta?.secret) return again.oidc_user_meta.secret;
  }
  const secret = user.oidc_user_meta?.secret;
  if (!secret) throw neverOpened();
  return secret;
}

/** Takes somebody out who is gone, so that their address is free for who has it next. */
export async function removePerson(ask: AskHarbor, issuer: string, person: Person): Promise<void> {
  const user = await findUser(ask, issuer, person);
  if (user) await ask('DELETE', `${v2}/users/${user.user_id}`, { also: [404] });
}

/** The search finds parts of names, ten at a time; the subject decides who it is. */
async function findUser(ask: AskHarbor, issuer: string, { id, username }: Person): Promise<User | undefined> {
  const path = `${v2}/users/search?username=${encodeURIComponent(username)}`;
  const { found } = await everyPage<Found>(ask, path, ({ user_id }) => user_id);
  // Where somebody's name was taken Harbor signs them in to nothing.
  const named = found.find((one) => one.username === username);
  if (named === undefined) return undefined;
  const { status, body } = await ask<User>('GET', `${v2}/users/${named.user_id}`, { also: [404] });
  return status === 200 && body.oidc_user_meta?.subiss === `${id}${issuer}` ? body : undefined;
}

const neverOpened = () =>
  knotError('KNOT_INTEGRATIONS_HARBOR_NEVER_OPENED', 409, 'Harbor does not know you yet.', {
    remedy: 'Open Images once, so that Harbor knows you; then come back for the secret.',
  });
