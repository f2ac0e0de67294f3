import { createHash } from 'node:crypto';
import { pageStyle } from './page-style.ts';

/** Markup that is already safe. Made only by `html`, which escapes every value that is not itself `Html`. */
export type Html = { readonly markup: string };

/** Tagged template: escapes values for text and quoted attributes; arrays are joined; undefined, null and false vanish. */
export function html(strings: TemplateStringsArray, ...values: unknown[]): Html {
  let markup = strings[0]!;
  values.forEach((value, index) => (markup += toMarkup(value) + strings[index + 1]!));
  return { markup };
}

function toMarkup(value: unknown): string {
  if (value === undefined || value === null || value === false) return '';
  if (Array.isArray(value)) return value.map(toMarkup).join('');
  if (typeof value === 'object' && 'markup' in value) return (value as Html).markup;
  return escapeHtml(String(value));
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/**
 * A page outside the dashboard: one inlined stylesheet, no script, readable at 320 px. `body` goes into `<main>` and starts
 * with an `<h1>`.
 */
export function renderPage(page: { title: string; body: Html; below?: Html; refreshSeconds?: number }): string {
  const { markup } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${page.refreshSeconds !== undefined && html`<meta http-equiv="refresh" content="${page.refreshSeconds}" />`}
        <title>${page.title} · Knot</title>
        <style>
          ${{ markup: pageStyle }}
        </style>
      </head>
      <body>
        <main>
          <p class="brand">Knot</p>
          ${page.body}
        </main>
        ${page.below && html`<footer>${page.below}</footer>`}
      </body>
    </html>`;
  return markup;
}

export type ErrorPage = {
  status: number;
  heading: string;
  /** What happened and what it means for the person. */
  reason: string;
  /** What to do next. */
  remedy?: string;
  /** Facts worth quoting: `Decision` → id, `Rule` → name. Never an internal address. */
  facts?: readonly (readonly [label: string, value: string])[];
  links?: readonly { href: string; label: string }[];
  refreshSeconds?: number;
};

/** The one calm page every refusal and failure uses. */
export function renderErrorPage(page: ErrorPage): string {
  return renderPage({
    title: page.heading,
    ...(page.refreshSeconds === undefined ? {} : { refreshSeconds: page.refreshSeconds }),
    body: html`<h1>${page.heading}</h1>
      <p>${page.reason}</p>
      ${page.remedy && html`<p>${page.remedy}</p>`}
      ${page.links && html`<p class="actions">${page.links.map(({ href, label }) => html`<a class="button" href="${href}">${label}</a> `)}</p>`}
      ${
        page.facts &&
        html`<dl class="facts">
          ${page.facts.map(
            ([label, value]) =>
              html`<dt>${label}</dt>
                <dd>${value}</dd>`,
          )}
        </dl>`
      }`,
  });
}

const styleHash = createHash('sha256').update(pageStyle).digest('base64');

/**
 * Headers of every page above. `form-action` is left out on purpose: Chromium applies it to the whole redirect chain of a
 * form, and a sign-in ends on other hosts; nothing unescaped can put a form on these pages.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
