import { createHash } from 'node:crypto';
import type { Html } from './html.ts';

/** A stylesheet of one kind of page, beside the common one. */
export type PageStyle = {
  element: Html;
  /** How a Content-Security-Policy names it (CSP Level 3, section 2.3.1: hash-source). */
  source: string;
};

/** Known when the program starts and without anything of a request, as the common one. */
export function pageStyleOf(text: string): PageStyle {
  return {
    element: { markup: `<style>${text}</style>` },
    source: `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  };
}
