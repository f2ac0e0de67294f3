import type { HandleClientError } from '@sveltejs/kit/hooks';
import { problemOf } from '#lib/problem.ts';

/** A mistake of the dashboard itself: said plainly, with the details in the console for who wants to report it. */
export const handleError: HandleClientError = (caught) => {
  if (caught.kind !== 'unknown') return;
  console.error(caught.error);
  // The browsers' words for a module that could not be fetched (HTML, "import() rejects with a TypeError"): Chromium, Firefox, WebKit.
  if (/dynamically imported module|importing a module script failed/i.test(String(caught.error))) {
    const { message, remedy, code } = problemOf(0, undefined);
    return { message, ...(remedy === undefined ? {} : { remedy }), code };
  }
  return {
    message: 'This page made a mistake, and nothing was changed by it.',
    remedy: 'Load it again; if it stays, tell an admin what you were about to do.',
    code: 'PAGE_MISTAKE',
  };
};
