import { page } from '$app/state';
import type { Me } from '#lib/contract.ts';

/** A draft of the person who is signed in. */
export const ownDraft = (form: string): { form: string; person: string } => ({
  form,
  person: (page.data as { me: Me }).me.user.id,
});
