import type { FormPage } from './pages.ts';

type Note = NonNullable<FormPage['note']>;

const ifNotYou = 'If you did not expect this, tell an administrator.';

/** By the reason in the audit record. `signed_in_again` has no note: that browser has a newer session, or gave its cookie back. */
const notes: Record<string, Note> = {
  signed_out: { kind: 'good', text: 'You are signed out.' },
  password_changed: {
    kind: 'bad',
    text: `You were signed out: your password was changed on another device. ${ifNotYou}`,
  },
  password_reset: { kind: 'bad', text: `You were signed out: your password was reset by a link. ${ifNotYou}` },
  ended_by_owner: { kind: 'bad', text: `You were signed out from another device of yours. ${ifNotYou}` },
  ended_by_admin: { kind: 'bad', text: 'You were signed out: an administrator ended your session.' },
  account_disabled: { kind: 'bad', text: 'You were signed out: an administrator has switched this account off.' },
  account_deleted: { kind: 'bad', text: 'You were signed out: an administrator has removed this account.' },
  idle: { kind: 'good', text: 'You were signed out, because this browser was not used for a while.' },
  expired: { kind: 'good', text: 'You were signed out, because a sign-in lasts for a limited time.' },
};

/** What a forced sign-out says on the page it leads to; undefined where there is nothing to say. */
export function endedNote(reason: string | undefined): Note | undefined {
  return reason === undefined ? undefined : notes[reason];
}
