import type { HandleClientError } from '@sveltejs/kit/hooks';

/** A mistake of the dashboard itself: said plainly, with the details in the console for who wants to report it. */
export const handleError: HandleClientError = (caught) => {
  if (caught.kind !== 'unknown') return;
  console.error(caught.error);
  return {
    message: 'This page made a mistake, and nothing was changed by it.',
    remedy: 'Load it again; if it stays, tell an admin what you were about to do.',
    code: 'PAGE_MISTAKE',
  };
};
