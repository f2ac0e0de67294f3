import { addressOfPath, bytesInWords, type Entry, nameOf, type Path, textOf } from '../files/index.ts';
import { type Html, html, printable, renderErrorPage, renderPage } from '../lib/index.ts';
import type { Received } from './receive.ts';
import { sendScript } from './script.ts';
import { guestStyle } from './style.ts';
import type { Visit } from './visit.ts';

/** The markup of what guests see: it works without scripts, and a name is never more than text. */

export type FolderView = {
  entries: readonly Entry[];
  total: number;
  page: number;
  limit: number;
  sort: Sort;
};
export type Sort = 'name' | '-name' | 'size' | '-size' | 'modified' | '-modified';

/** Signs that turn the direction of reading are shown, and what is not text is marked. */
const shown = (name: string): Html => html`<bdi>${printable(name).replaceAll(/[\uf000-\uf0ff]/g, '\ufffd')}</bdi>`;

const date = (at: number): string =>
  new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }).format(at);

export const addressOfVisit = ({ share }: Pick<Visit, 'share'>, below: Path = []): string =>
  `/guest/${share.id}/${addressOfPath(below)}`;

/** What is shared, by the name its owner gave it. */
function titleOf({ root, host }: Visit): string {
  const last = root.at(-1);
  return last === undefined ? `All files of ${host}` : textOf(last);
}

function lead({ share, host }: Visit): Html {
  const { expiresAt, createdBy, right } = share;
  const words = `${right === 'upload' ? 'For' : 'Shared by'} `;
  // Who runs Knot makes links at its own machine, under no name.
  const by = createdBy === host || createdBy === 'cli' ? '' : ` (${createdBy})`;
  const end =
    expiresAt === null
      ? '.'
      : html`, until <time datetime="${new Date(expiresAt).toISOString()}">${date(expiresAt)} UTC</time>.`;
  return html`<p class="lead">${words}<strong>${host}</strong>${by}${end}</p>`;
}

const icon = (path: string): Html =>
  html`<svg
    width="20"
    height="20"
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.8"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d="${path}" />
  </svg>`;
const folderIcon = icon('M3.5 7a2 2 0 0 1 2-2h4l2 2.5h7a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2z');
const fileIcon = icon('M6 4.5h7l5 5V19.5H6zM13 4.5v5h5');

function row(visit: Visit, entry: Entry): Html {
  const { kind, name, size, modifiedAt } = entry;
  const about = [kind === 'file' && bytesInWords(size), modifiedAt > 0 && `${date(modifiedAt)} UTC`]
    .filter(Boolean)
    .join(' · ');
  const address = addressOfVisit(visit, [...visit.below, nameOf(name)]);
  const isOpen = kind === 'file' || kind === 'folder';
  return html`<li>
    ${kind === 'folder' ? folderIcon : fileIcon}
    <span class="name"
      >${isOpen ? html`<a href="${address}${kind === 'folder' && '/'}">${shown(name)}</a>` : shown(name)}</span
    >
    <span class="about"
      >${isOpen ? about : kind === 'link' ? 'A link; it is not followed here' : 'Cannot be read'}</span
    >
    ${
      isOpen &&
      html`<a
        class="keep"
        href="${address}${kind === 'folder' ? '/?zip=1' : '?download=1'}"
        aria-label="Download ${printable(name)}"
        >Download</a
      >`
    }
  </li>`;
}

/** The way down from what is shared; nothing above it has a name here. */
function trail(visit: Visit): Html | undefined {
  const { below } = visit;
  if (below.length === 0) return undefined;
  return html`<nav aria-label="Folders">
    <ol class="trail">
      <li><a href="${addressOfVisit(visit)}">${shown(titleOf(visit))}</a></li>
      ${below.map((name, index) =>
        index === below.length - 1
          ? html`<li aria-current="page">${shown(textOf(name))}</li>`
          : html`<li><a href="${addressOfVisit(visit, below.slice(0, index + 1))}/">${shown(textOf(name))}</a></li>`,
      )}
    </ol>
  </nav>`;
}

const sorts = { name: 'Name', size: 'Size', modified: 'Changed' } as const;

function sortLinks(sort: Sort): Html {
  const by = sort.replace('-', '');
  return html`<p class="sorts">
    Sorted by
    ${Object.entries(sorts).map(([key, label]) => {
      const isThis = key === by;
      const next = isThis && !sort.startsWith('-') ? `-${key}` : key;
      const direction = sort.startsWith('-') ? 'falling' : 'rising';
      return html`<a href="?sort=${next}" ${isThis && html` aria-current="true"`}
        >${label}${isThis && `, ${direction}`}</a
      > `;
    })}
  </p>`;
}

function pages({ page, total, limit, sort }: FolderView): Html | undefined {
  const last = Math.max(1, Math.ceil(total / limit));
  if (last === 1) return undefined;
  const link = (to: number, label: string) => html`<a href="?sort=${sort}&page=${String(to)}">${label}</a>`;
  return html`<p class="pages">
    <span>${page > 1 && link(page - 1, 'Before')}</span>
    <span>Page ${String(page)} of ${String(last)}</span>
    <span>${page < last && link(page + 1, 'Next')}</span>
  </p>`;
}

export function folderPage(visit: Visit, view: FolderView): string {
  const here = visit.below.at(-1);
  const title = here === undefined ? titleOf(visit) : textOf(here);
  const { entries, total } = view;
  return renderPage({
    title: printable(title),
    style: guestStyle,
    body: html`<h1>${shown(title)}</h1>
      ${lead(visit)} ${trail(visit)}
      ${
        total === 0
          ? html`<p class="empty">This folder is empty.</p>`
          : html`<p class="actions"><a class="button primary" href="?zip=1">Download everything</a></p>
              ${sortLinks(view.sort)}
              <ul class="files" aria-label="Files">
                ${entries.map((entry) => row(visit, entry))}
              </ul>
              ${pages(view)}`
      }`,
    below: footer,
  });
}

/** Of one file that is shared. */
export function filePage(visit: Visit, entry: Entry): string {
  const title = titleOf(visit);
  const address = addressOfVisit(visit);
  return renderPage({
    title: printable(title),
    style: guestStyle,
    body: html`<h1>${shown(title)}</h1>
      ${lead(visit)}
      <p>${bytesInWords(entry.size)}, changed ${date(entry.modifiedAt)} UTC</p>
      <p class="actions">
        <a class="button primary" href="${address}?download=1">Download</a>
        <a class="button" href="${address}?open=1">Open</a>
      </p>`,
    below: footer,
  });
}

export function uploadPage(visit: Visit, result?: Received): string {
  const title = titleOf(visit);
  const received = result?.received ?? 0;
  const note = received > 0 && `${received === 1 ? 'One file was' : `${received} files were`} received.`;
  return renderPage({
    title: `Send files: ${printable(title)}`,
    style: guestStyle,
    script: sendScript,
    body: html`<h1>Send files: ${shown(title)}</h1>
      ${lead(visit)} ${note && html`<p class="note good" role="status">${note}</p>`}
      ${
        result !== undefined &&
        result.refused.length > 0 &&
        html`<div class="note bad" role="alert">
          <ul>
            ${result.refused.map(({ name, message }) => html`<li>${shown(name)}: ${message}</li>`)}
          </ul>
        </div>`
      }
      <form method="post" enctype="multipart/form-data" action="${addressOfVisit(visit)}">
        <div class="drop">
          <label for="files">Files to send</label>
          <input id="files" name="files" type="file" multiple required />
        </div>
        <button class="button primary" type="submit">Send</button>
      </form>
      <p class="hint">Nobody who has this link sees what was sent; ${visit.host} does.</p>`,
    below: footer,
  });
}

/** Before a link is taken by one browser: what opens links to look at them (mail filters, messengers) does not press buttons. */
export function takePage(): string {
  return renderPage({
    title: 'Open in this browser?',
    style: guestStyle,
    body: html`<h1>Open in this browser?</h1>
      <p class="lead">This link works in one browser only: the first that opens it. Is this the one you will use?</p>
      <form method="post"><button class="button primary" type="submit">Open here</button></form>`,
  });
}

const footer = html`<p>This page is for whoever has its link. Do not pass the link on.</p>`;

const headings: Record<string, string> = {
  KNOT_GUESTS_ENDED: 'This is not shared any more',
  KNOT_GUESTS_LINK: 'This link leads nowhere',
  KNOT_GUESTS_NOT_HELD: 'This page needs its link',
  KNOT_GUESTS_OTHER_BROWSER: 'Open it where it was opened first',
  KNOT_GUESTS_DENIED: 'This is not for guests',
  KNOT_GUESTS_NOT_FOUND: 'It is not here any more',
  KNOT_GUESTS_TOO_MANY: 'Too many attempts',
};

export const refusalPage = (error: { statusCode: number; code: string; message: string; remedy?: string }): string =>
  renderErrorPage({
    status: error.statusCode,
    heading: headings[error.code] ?? 'That did not work',
    reason: error.message,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
  });
