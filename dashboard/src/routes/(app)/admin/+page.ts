import { redirect } from '@sveltejs/kit';
import { urls } from '#lib/urls.ts';

/** Admin has no page of its own: the first of those inside it is shown. */
export const load = (): never => redirect(307, urls.users());
