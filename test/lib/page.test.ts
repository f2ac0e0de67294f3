import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import {
  errorPageHeaders,
  html,
  pageHeaders,
  type PageTone,
  renderErrorPage,
  renderPage,
  waitingScript,
} from '../../gateway/lib/index.ts';
import { pageStyle } from '../../gateway/lib/page/style.ts';
import { type ColorToken, colorTokens, plainTokens } from '../../gateway/lib/page/tokens.ts';
import { contrast, isInGamut, parseOklch } from './oklch.ts';
import { anyCharacter } from '../support/any-character.ts';

const themes = ['light', 'dark'] as const;
const states = ['ready', 'working', 'asleep', 'warning', 'failed'] as const;

t.test('colours: every one can be shown by every screen', async (t) => {
  for (const [name, values] of Object.entries(colorTokens)) {
    for (const theme of themes) t.ok(isInGamut(parseOklch(values[theme])), `${name} ${theme} ${values[theme]}`);
  }
});

t.test('colours: text is at least 4.5:1 and shapes 3:1 on everything they stand on, in both themes', async (t) => {
  const expectRatio = (front: ColorToken, back: ColorToken, least: number) => {
    for (const theme of themes) {
      const ratio = contrast(colorTokens[front][theme], colorTokens[back][theme]);
      t.ok(ratio >= least, `${theme}: ${front} on ${back} is ${ratio.toFixed(2)}:1`);
    }
  };
  for (const back of ['canvas', 'surface', 'sunken', 'accent-wash'] as const) {
    for (const front of ['text', 'soft', 'accent', ...states] as const) expectRatio(front, back, 4.5);
    expectRatio('edge', back, 3);
  }
  for (const state of states) {
    for (const front of ['text', 'soft', state] as const) expectRatio(front, `${state}-wash`, 4.5);
  }
  expectRatio('on-accent', 'accent', 4.5);
  expectRatio('on-accent', 'accent-strong', 4.5);
});

t.test('the dashboard has the same tokens', async (t) => {
  const file = join(import.meta.dirname, '../../dashboard/src/app.css');
  if (!existsSync(file)) return void t.comment('there is no dashboard/src/app.css');
  const declared = new Map<string, string>();
  for (const [, name, value] of readFileSync(file, 'utf8').matchAll(/^\s*--([\w-]+):\s*([^;]+);/gm)) {
    if (!declared.has(name!)) declared.set(name!, squeeze(value!));
  }
  for (const [name, { light, dark }] of Object.entries(colorTokens)) {
    t.equal(declared.get(name), squeeze(`light-dark(${light}, ${dark})`), `--${name}`);
  }
  for (const [name, value] of Object.entries(plainTokens)) t.equal(declared.get(name), squeeze(value), `--${name}`);
});

/** Formatters put spaces and line breaks where they like. */
function squeeze(value: string): string {
  return value
    .replaceAll(/\s*([,()/])\s*/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('"', "'")
    .replaceAll(/\b0\./g, '.')
    .trim();
}

t.test('every custom property that is used is declared', async (t) => {
  const declared = new Set([...Object.keys(colorTokens), ...Object.keys(plainTokens)]);
  for (const [, name] of pageStyle.matchAll(/var\(--([\w-]+)\)/g)) t.ok(declared.has(name!), `--${name}`);
});

t.test('the policy lets exactly the inlined stylesheet in, and no script', async (t) => {
  const page = renderPage({ title: 'x', body: html`<h1>x</h1>` });
  const styles = [...page.matchAll(/<style>([^]*?)<\/style>/g)].map(([, text]) => text!);
  t.equal(styles.length, 1);
  const hash = createHash('sha256').update(styles[0]!).digest('base64');
  const policy = pageHeaders['content-security-policy']!;
  t.match(policy, `style-src 'sha256-${hash}';`);
  t.match(policy, "default-src 'none'");
  t.match(policy, "frame-ancestors 'none'");
  t.notMatch(policy, /script-src|unsafe/);
  t.equal(pageHeaders['cache-control'], 'no-store');
});

t.test('a page is one small answer with a title, a main and one heading', async (t) => {
  const page = renderErrorPage({
    status: 403,
    heading: 'Not yours to open',
    reason: 'A rule refused it.',
    remedy: 'Ask the owner.',
    facts: [['Decision', '7k3m9qwe2rt5y8ab']],
    links: [
      { href: '/', label: 'Home' },
      { href: '/logout', label: 'Another account' },
    ],
    refreshSeconds: 5,
  });
  t.ok(Buffer.byteLength(page) < 20_000, `${Buffer.byteLength(page)} bytes`);
  t.match(page, /^<!doctype html>\n<html lang="en">/);
  t.match(page, '<title>Not yours to open · Knot</title>');
  t.equal(page.match(/<main>/g)?.length, 1);
  t.equal(page.match(/<h1>/g)?.length, 1);
  t.equal(page.match(/class="button primary"/g)?.length, 1, 'one primary action');
  t.match(page, '<meta http-equiv="refresh" content="5" />');
  // One script, for addresses with a fragment, by whose hash it may run.
  t.equal(page.match(/<script/g)?.length, 1);
  t.match(page, waitingScript.element.markup);
  t.match(errorPageHeaders({ refreshSeconds: 5 })['content-security-policy'], waitingScript.source);
  t.notMatch(errorPageHeaders({})['content-security-policy'], 'script-src');
  t.notMatch(renderErrorPage({ status: 404, heading: 'x', reason: 'y' }), '<script');
  t.notMatch(page, /style="|\son\w+=/);
  t.notMatch(page, /https?:\/\/(?!www\.w3\.org)/, 'nothing is fetched from elsewhere');
});

t.test('progress is a number when it is known and a turning ring when it is not', async (t) => {
  const page = (value?: number) =>
    renderErrorPage({
      status: 503,
      heading: 'Being prepared',
      reason: 'It takes a while.',
      progress: value === undefined ? { step: 'Starting' } : { step: 'Installing', value },
    });
  t.match(page(0.618), /role="progressbar" aria-label="Installing"\s+aria-valuenow="62"/);
  t.match(page(0.618), '62 %');
  t.match(page(7), 'aria-valuenow="100"');
  t.match(page(-1), 'aria-valuenow="0"');
  t.notMatch(page(), 'aria-valuenow');
  t.match(page(), 'class="spin"');
});

t.test('every picture can be drawn', async (t) => {
  const tones: PageTone[] = ['lock', 'search', 'clock', 'link', 'working', 'asleep', 'failed', 'ready'];
  for (const tone of tones) {
    t.match(renderErrorPage({ status: 500, heading: 'x', reason: 'y', tone }), '<div class="badge');
  }
  for (const status of [400, 401, 403, 404, 410, 429, 500, 502, 503]) {
    t.match(renderErrorPage({ status, heading: 'x', reason: 'y' }), '<div class="badge', String(status));
  }
});

t.test('html: whatever is put in stays text, in elements and in quoted attributes', async () => {
  const wrap = (value: unknown) => html`<p title="${value}">${value}</p>`.markup;
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), (value) => {
      const markup = wrap(value);
      const inner = markup.slice('<p title="'.length, -'</p>'.length);
      return !/[<]/.test(inner.replace('">', '')) && (inner.match(/"/g) ?? []).length === 1 && !inner.includes("'");
    }),
  );
});

t.test('html: arrays join, nothing vanishes but what is nothing, and spaces of values are kept', async (t) => {
  t.equal(html`<b>${[1, html`<i>${'&'}</i>`, false, null, undefined, 0, '']}</b>`.markup, '<b>1<i>&amp;</i>0</b>');
  t.equal(html`<pre>${'a\n   b'}</pre>`.markup, '<pre>a\n   b</pre>');
});
