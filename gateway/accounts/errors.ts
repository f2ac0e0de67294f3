import { type KnotError, knotError } from '../lib/index.ts';

/** What several files of the module refuse with; each code is explained in ERRORS.md. */

export function noSuchUser(): KnotError {
  return knotError('KNOT_ACCOUNTS_NO_USER', 404, 'There is no such user.');
}

export function noSuchTeam(): KnotError {
  return knotError('KNOT_ACCOUNTS_NO_TEAM', 404, 'There is no such team.');
}

export function linkInvalid(): KnotError {
  return knotError('KNOT_ACCOUNTS_LINK_INVALID', 410, 'This link has been used, has expired or was replaced.', {
    remedy: 'Ask an administrator for a new one.',
  });
}

export function setupDone(): KnotError {
  return knotError('KNOT_ACCOUNTS_SETUP_DONE', 409, 'An administrator exists already.', {
    remedy: 'Sign in, or ask an administrator for an invitation.',
  });
}

export function credentialChanged(): KnotError {
  return knotError('KNOT_ACCOUNTS_CREDENTIAL_CHANGED', 409, 'The password or the account was changed meanwhile.', {
    remedy: 'Nothing was done. Sign in with the present password and try again.',
  });
}

export function lastAdmin(): KnotError {
  return knotError('KNOT_ACCOUNTS_LAST_ADMIN', 409, 'This is the last active administrator.', {
    remedy: 'Make someone else an administrator first.',
  });
}
