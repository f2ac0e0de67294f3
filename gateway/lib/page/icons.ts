import { type Html, html } from './html.ts';

/** Small pictures of the pages outside the dashboard, inline, so that a page is one answer. */

/** The line of the mark, in a box of 24 by 24. */
export const knotPath =
  'M19.1 11.5C20.7 10.1 21.6 8.3 21.5 6.7 21.4 5.2 20.4 3.9 18.7 3.4 17.1 2.9 15 3.3 13 4.4 11.1 5.6 9.3 7.6 8.4 9.9' +
  'M7.5 16C7.9 18.1 9 19.7 10.4 20.4 11.8 21.1 13.4 20.8 14.7 19.7 15.9 18.5 16.7 16.5 16.6 14.2 16.6 12 15.7 9.5 14.2 7.5' +
  'M9.4 3.7C7.4 2.9 5.4 3.1 4.1 3.9 2.8 4.8 2.2 6.4 2.6 8 3 9.6 4.4 11.3 6.3 12.4 8.3 13.5 10.9 14 13.4 13.8';

/** A trefoil: the mark of Knot, in the colour of the text around it. */
export const knotMark: Html = html`<svg
  width="28"
  height="28"
  viewBox="0 0 24 24"
  fill="none"
  stroke="currentColor"
  stroke-width="2.6"
  stroke-linecap="round"
  aria-hidden="true"
>
  <path d="${knotPath}" />
</svg>`;

/** The mark as a `data:` address, readable on light and dark tab bars. */
export const knotIconAddress = `data:image/svg+xml,${encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#2b8298" stroke-width="3" stroke-linecap="round"><path d="${knotPath}"/></svg>`,
)}`;

/** What a page is about, said once more by colour and shape. */
export type PageTone = 'lock' | 'search' | 'clock' | 'link' | 'working' | 'asleep' | 'failed' | 'ready';

const shapes: Record<PageTone, { tone: string; shape: Html }> = {
  lock: {
    tone: '',
    shape: html`<rect x="5" y="11" width="14" height="9" rx="2.5" /><path d="M8 11V8a4 4 0 0 1 8 0v3" />`,
  },
  search: { tone: '', shape: html`<circle cx="11" cy="11" r="6.5" /><path d="m20 20-4.2-4.2" />` },
  clock: { tone: 'warning', shape: html`<circle cx="12" cy="12" r="8.5" /><path d="M12 7.5V12l3 2" />` },
  link: {
    tone: 'warning',
    shape: html`<path
      d="m10.5 15.5-1.6 1.6a3.6 3.6 0 0 1-5.1-5.1l1.6-1.6M13.5 8.5l1.6-1.6a3.6 3.6 0 0 1 5.1 5.1l-1.6 1.6M5 5l14 14"
    />`,
  },
  working: { tone: 'working', shape: html`<path class="spin" d="M12 3.5a8.5 8.5 0 1 1-8.5 8.5" />` },
  asleep: { tone: 'asleep', shape: html`<path d="M20 14.2A8.2 8.2 0 1 1 9.8 4a6.6 6.6 0 0 0 10.2 10.2Z" />` },
  failed: { tone: 'failed', shape: html`<rect x="6" y="6" width="12" height="12" rx="2" fill="currentColor" />` },
  ready: { tone: 'ready', shape: html`<circle cx="12" cy="12" r="6" fill="currentColor" />` },
};

export function pageBadge(kind: PageTone): Html {
  const { tone, shape } = shapes[kind];
  return html`<div class="badge ${tone}">
    <svg
      width="24"
      height="24"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      ${shape}
    </svg>
  </div>`;
}

/**
 * A ring that fills with real progress (0…1), or turns while the end is not known, with the number and the step beside it.
 */
export function progressRing({ progress, step }: { progress?: number; step: string }): Html {
  const percent = progress === undefined ? undefined : Math.round(Math.min(1, Math.max(0, progress)) * 100);
  const value = percent === undefined ? '' : html` aria-valuenow="${percent}" aria-valuemin="0" aria-valuemax="100"`;
  return html`<div class="progress" role="progressbar" aria-label="${step}" ${value}>
    <svg
      width="56"
      height="56"
      viewBox="0 0 56 56"
      fill="none"
      stroke="currentColor"
      stroke-width="6"
      aria-hidden="true"
    >
      <circle class="track" cx="28" cy="28" r="24" />
      <circle
        class="${percent === undefined ? 'spin' : 'arc'}"
        cx="28"
        cy="28"
        r="24"
        pathLength="100"
        stroke-dasharray="${percent ?? 25} 100"
        stroke-linecap="${percent === 0 ? 'butt' : 'round'}"
        transform="rotate(-90 28 28)"
      />
    </svg>
    <p>${percent !== undefined && html`<b>${percent} %</b><br />`}${step}</p>
  </div>`;
}
