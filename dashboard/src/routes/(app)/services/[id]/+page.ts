import { redirect } from '@sveltejs/kit';
import { urls } from '#lib/urls.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = ({ params }) => redirect(307, urls.service(params));
