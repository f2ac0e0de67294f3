import { createHash } from 'node:crypto';
import type { PreparationStep } from '../health.ts';
import type { PageStyle } from './extra-style.ts';
import { type Html, html } from './html.ts';
import { knotIconAddress, knotMark, pageBadge, type PageTone, progressRing } from './icons.ts';
import type { PageScript } from './script.ts';
import { pageStyle } from './style.ts';
import { waitingScript } from './waiting.ts';

export { type PageStyle, pageStyleOf } from './extra-style.ts';
export { escapeHtml, type Html, html } from './html.ts';
export { knotIconAddress, knotMark, knotPath, pageBadge, type PageTone, progressRing } from './icons.ts';
export { type PageScript, pageScript } from './script.ts';
export { pageStyle } from './style.ts';
export { waitingScript } from './waiting.ts';

/** Kept out of the template: the hash in the policy covers the text between the tags byte for byte. */
const styleElement: Html = { markup: `<style>${pageStyle}</style>` };

/**
 * A page outside the dashboard: one inlined stylesheet (its words are listed in `style.ts`), no script but the one it is given
 * (and sent with `pageHeadersWith`), readable at 320 px. `body` goes into `<main>` and starts with an `<h1>` (or a badge and an `<h1>`); `below` stands quietly under it.
 */
export function renderPage(page: {
  title: string;
  body: Html;
  below?: Html;
  refreshSeconds?: number;
  script?: PageScript;
  /** Beside the common one. */
  style?: PageStyle;
}): string {
  const { markup } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${page.refreshSeconds !== undefined && html`<meta http-equiv="refresh" content="${page.refreshSeconds}" />`}
        <title>${page.title} · Knot</title>
        <link rel="icon" href="${knotIconAddress}" />
        ${styleElement} ${page.style?.element}
      </head>
      <body>
        <header class="brand">${knotMark}Knot</header>
        <main>${page.body}</main>
        ${page.below && html`<footer>${page.below}</footer>`} ${page.script?.element}
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
  /** The first is the primary action. */
  links?: readonly { href: string; label: string }[];
  /**
   * Opens the address of the page itself anew by GET, with these parameters; in place of `links` where its fragment must not be lost,
   * which a link would drop (HTML, "mutate action URL").
   */
  reopen?: { label: string; parameters: Readonly<Record<string, string>> };
  refreshSeconds?: number;
  /** The picture; by default what fits the status. */
  tone?: PageTone;
  /** For pages that wait: what is happening now and, when it is known, how far it is (0…1). Takes the picture's place. */
  progress?: { step: string; value?: number };
  /** All steps of what is waited for, with their times. */
  steps?: readonly PreparationStep[];
};

/** The one calm page every refusal and failure uses; sent with `errorPageHeaders`. */
export function renderErrorPage(page: ErrorPage): string {
  const { progress } = page;
  return renderPage({
    title: page.heading,
    ...(page.refreshSeconds === undefined ? {} : { refreshSeconds: page.refreshSeconds, script: waitingScript }),
    body: html`${!progress && pageBadge(page.tone ?? toneOf(page.status))}
      <h1>${page.heading}</h1>
      <p>${page.reason}</p>
      ${page.remedy && html`<p class="lead">${page.remedy}</p>`}
      ${
        progress &&
        progressRing({ step: progress.step, ...(progress.value === undefined ? {} : { progress: progress.value }) })
      }
      ${page.steps && stepList(page.steps, Date.now())} ${page.reopen && reopenForm(page.reopen)}
      ${page.links && page.links.length > 0 && html`<p class="actions">${page.links.map(linkButton)}</p>`}
      ${
        page.facts &&
        page.facts.length > 0 &&
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

/** What is done, what is under way and what is to come, each in shape and word. */
export function stepList(steps: readonly PreparationStep[], now: number): Html {
  return html`<ol class="steps">
    ${steps.map(
      ({ title, state, startedAt, endedAt }) =>
        html`<li class="${state}">${title} <span>${stepWords(state, startedAt, endedAt ?? now)}</span></li>`,
    )}
  </ol>`;
}

function stepWords(state: PreparationStep['state'], startedAt: number | undefined, until: number): string {
  if (state === 'waiting' || startedAt === undefined) return state === 'done' ? 'done' : 'to come';
  const took = `${(Math.max(0, until - startedAt) / 1000).toFixed(1)} s`;
  if (state === 'failed') return `failed after ${took}`;
  return state === 'working' ? `${took} so far` : `done in ${took}`;
}

function reopenForm({ label, parameters }: NonNullable<ErrorPage['reopen']>): Html {
  return html`<form method="get" class="actions">
    ${Object.entries(parameters).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <button class="button primary" type="submit">${label}</button>
  </form>`;
}

/** As `reopen` of an error page, in the words of a sentence. */
export function reopenInline({ label, parameters }: NonNullable<ErrorPage['reopen']>): Html {
  return html`<form method="get" class="inline">
    ${Object.entries(parameters).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}<button
      class="link"
      type="submit"
    >
      ${label}
    </button>
  </form>`;
}

function linkButton({ href, label }: { href: string; label: string }, index: number): Html {
  return html`<a class="button${index === 0 && ' primary'}" href="${href}">${label}</a>`;
}

function toneOf(status: number): PageTone {
  if (status === 401 || status === 403) return 'lock';
  if (status === 404) return 'search';
  if (status === 410) return 'link';
  if (status === 429 || status === 503) return 'clock';
  return 'failed';
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

/** The same for a page with one script: that one may run, and may not make code of text (Trusted Types, section 4.3.1). */
export const pageHeadersWith = ({ source }: PageScript): Readonly<Record<string, string>> => ({
  ...pageHeaders,
  'content-security-policy': `${pageHeaders['content-security-policy']}; script-src ${source}; require-trusted-types-for 'script'`,
});

const waitingHeaders = pageHeadersWith(waitingScript);

/** Those of an error page: one that waits has a script that asks again. */
export const errorPageHeaders = ({
  refreshSeconds,
}: Pick<ErrorPage, 'refreshSeconds'>): Readonly<Record<string, string>> =>
  refreshSeconds === undefined ? pageHeaders : waitingHeaders;

/**
 * For a page with a stylesheet or a script of its own that talks to its own origin alone: where its form goes, and what its script asks
 * (CSP Level 3, sections 6.1.2 and 6.4.1). `leadsTo`: the other origin at which the redirects after its form end, which browsers hold
 * against the policy as well.
 */
export const pageHeadersOwn = (own: {
  style: PageStyle;
  script?: PageScript;
  leadsTo?: string | undefined;
}): Readonly<Record<string, string>> => ({
  ...pageHeaders,
  'content-security-policy': [
    pageHeaders['content-security-policy']!.replace('style-src ', `style-src ${own.style.source} `),
    `form-action 'self'${own.leadsTo === undefined ? '' : ` ${own.leadsTo}`}`,
    ...(own.script === undefined
      ? []
      : [`script-src ${own.script.source}`, `connect-src 'self'`, `require-trusted-types-for 'script'`]),
  ].join('; '),
});
