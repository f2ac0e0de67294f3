import { createHash } from 'node:crypto';
import type { Html } from './html.ts';

/** One script that a page may run, and nothing beside it. */
export type PageScript = {
  element: Html;
  /** How a Content-Security-Policy names it (CSP Level 3, section 2.3.1: hash-source). */
  source: string;
};

/**
 * A script for a page outside the dashboard. It is known when the program starts and holds nothing of a request, so its hash is
 * the same in every answer. A module: it runs once the page stands, and not at all in a browser too old for it.
 */
export function pageScript(text: string): PageScript {
  // The element would end there, or its text be another one than was hashed (HTML, "restrictions for contents of script elements").
  if (/<\/script|<script|<!--/i.test(text)) throw new Error('a script of a page cannot hold the markup of a script');
  return {
    element: { markup: `<script type="module">${text}</script>` },
    source: `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  };
}
