/** Records of the audit in words. Unknown actions and facts stay readable, so that a new one needs no change here. */

const words: Record<string, string> = {
  'signin.refused': 'Sign-in refused',
  'session.started': 'Signed in',
  'session.ended': 'Session ended',
  'session.code_refused': 'Hand-over code refused',
  'user.created': 'Account made',
  'user.approved': 'Account approved',
  'user.refused': 'Account refused',
  'user.enabled': 'Account enabled',
  'user.disabled': 'Account disabled',
  'user.promoted': 'Made an admin',
  'user.demoted': 'No longer an admin',
  'user.deleted': 'Account deleted',
  'user.exported': 'Copy of all they have taken out',
  'password.changed': 'Password changed',
  'password.refused': 'Wrong password on a change',
  'team.created': 'Team made',
  'team.deleted': 'Team deleted',
  'team.member-set': 'Team member or role set',
  'team.member-removed': 'Team member removed',
  'token.created': 'Token made',
  'token.revoked': 'Token revoked',
  'plan.given': 'Plan given',
  'files.trashed': 'Put into the trash',
  'files.removed': 'Files removed for good',
  'link.created': 'Link made',
  'link.redeemed': 'Link used',
  'link.revoked': 'Link revoked',
  'policy.loaded': 'Policies loaded',
  'policy.refused': 'Policy change refused',
  'authorization.refused': 'Access to an application refused',
  'client.added': 'Application registered',
  'client.changed': 'Application changed',
  'client.removed': 'Application removed',
  'client.secret-rotated': 'Secret of an application rotated',
  'client.logout-told': 'Application told of a sign-out',
  'connection.ended': 'Application disconnected',
};

const undone = '.undone';

/**
 * `user.approved` → `Account approved`, `user.approved.undone` → `Undone: account approved`; unknown ones become `Client added`
 * from `client.added`.
 */
export function actWords(action: string): string {
  if (action.endsWith(undone)) return `Undone: ${firstLetter(actWords(action.slice(0, -undone.length)), 'small')}`;
  return firstLetter(words[action] ?? action.replaceAll(/[._-]/g, ' '), 'large');
}

function firstLetter(text: string, size: 'small' | 'large'): string {
  const first = text.charAt(0);
  return (size === 'large' ? first.toUpperCase() : first.toLowerCase()) + text.slice(1);
}

const identifier = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** `{firstProblem: 'x', isAdmin: true, id: <uuid>}` → `first problem x, is admin`: what a person can use, without ids. */
export function factWords(detail: Record<string, string | number | boolean | null> | undefined): string {
  return Object.entries(detail ?? {})
    .filter(([, value]) => value !== null && value !== '' && value !== false && !identifier.test(String(value)))
    .map(([name, value]) => {
      const title = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      return value === true ? title : `${title} ${String(value).replaceAll('_', ' ')}`;
    })
    .join(', ');
}

/** `session:9f2c41d0-…` → `session 9f2c41d0`, `user:ann` → `user ann`. */
export function subjectWords(subject: string): string {
  const [kind = '', ...rest] = subject.split(':');
  const name = rest.join(':');
  return `${kind} ${identifier.test(name) ? name.slice(0, 8) : name}`.trim();
}
