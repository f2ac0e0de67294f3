import { error } from '@sveltejs/kit';

/** Every address that is no page: answered inside the frame, so that the way back is at hand. */
export const load = (): never => error(404, 'There is nothing at this address.');
