import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason } from '../support/dashboard/browser.ts';
import { notebookOf, pdfWith } from '../support/dashboard/sample-files.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';

/**
 * Files made to run as somebody else: each is opened on its page and by its own address, and tries to ask the API in that person's name
 * and to rename the window. Nothing of it may be heard.
 */

/** What every file tries; `how` tells the ways apart. */
const probe = (how: string) =>
  `try{document.title='owned';top.document.title='owned'}catch{};fetch('/api/v1/me?stolen=${how}');self.postMessage?.('ran')`;
const html = `<!doctype html><title>x</title><script>${probe('script')}</script><img src=x onerror="${probe('onerror')}"><iframe srcdoc="<script>parent.document.title='owned'</script>"></iframe><meta http-equiv="refresh" content="0;url=/api/v1/me?stolen=refresh"><form action="/api/v1/me" id=f><input name=stolen value=form></form><base href="/api/v1/me?stolen=base">`;
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="${probe('svg')}"><script>${probe('svg-script')}</script><foreignObject width="9" height="9"><img xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="${probe('foreign')}"/></foreignObject><image href="/api/v1/me?stolen=image"/><a href="javascript:${probe('link')}"><circle r="9"/></a></svg>`;
const script = `${probe('file')};self.addEventListener&&self.addEventListener('install',()=>fetch('/api/v1/me?stolen=worker'))`;

const hostile: Record<string, string | Buffer> = {
  'a.html': html,
  'b.xhtml': `<html xmlns="http://www.w3.org/1999/xhtml"><script>${probe('xhtml')}</script></html>`,
  'c.svg': svg,
  'd.xml': `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="data:text/xml,x"?><x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>${probe('xml')}</h:script></x>`,
  'e.pdf': pdfWith(
    'Innocent words',
    `/OpenAction << /S /JavaScript /JS (app.launchURL\\('/api/v1/me?stolen=pdf'\\)) >> /AA << /WC << /S /URI /URI (/api/v1/me?stolen=uri) >> >>`,
  ),
  'f.md': [
    '# Innocent words',
    `<script>${probe('md')}</script>`,
    `<img src=x onerror="${probe('md-onerror')}">`,
    `[one](javascript:${encodeURIComponent(probe('md-link'))}) [two](<java\tscript:alert(1)>) <javascript:alert(1)>`,
    '[three](data:text/html,<script>1</script>) ![four](javascript:alert(1)) [five]: javascript:alert(1)',
    '![six](https://example.org/pixel?stolen=remote) [seven][x]\n\n[x]: vbscript:alert(1)',
    `<iframe srcdoc="<script>parent.document.title='owned'</script>"></iframe>`,
  ].join('\n\n'),
  'g.ipynb': notebookOf([
    { cell_type: 'markdown', source: [`Innocent words <img src=x onerror="${probe('cell')}">`] },
    {
      cell_type: 'code',
      source: `</code><script>${probe('source')}</script>`,
      outputs: [
        { output_type: 'display_data', data: { 'text/html': [html] } },
        { output_type: 'display_data', data: { 'image/svg+xml': [svg] } },
        { output_type: 'display_data', data: { 'application/javascript': [probe('output')] } },
        { output_type: 'display_data', data: { 'image/png': `x" onerror="${probe('png')}` } },
        { output_type: 'stream', text: [`<script>${probe('stream')}</script>`] },
      ],
    },
  ]),
  'h.csv': `name,value\n=HYPERLINK("https://example.org/?stolen=formula"),"<img src=x onerror=""${probe('csv')}"">"\n=cmd|'/C calc'!A0,@SUM(1)\n`,
  'i.gif': `GIF89a/*${' '.repeat(20)}*/=0;${script}`,
  'j.js': script,
  'k.txt': html,
  'l.json': `{"x":"</script><script>${probe('json')}</script>"}`,
  'm.mp4': html,
  n: html,
  'o.css': `*{background:url(/api/v1/me?stolen=css)}`,
  [`p"><img src=x onerror=document.title='owned'>.txt`]: 'words',
  'q\n<script>document.title=1<\u2044script>.md': '# words',
};

/** How long one that says nothing may still say that it worked: longer than a script takes on a machine that does other things. */
const silenceMs = 4_000;
/** Ways to make a part of a page of `url`; each answers its name when that worked. */
const embeddings = `
  ...['script', 'link', 'iframe', 'object', 'embed'].map((tag) => new Promise((resolve) => {
    const element = document.createElement(tag);
    // A frame that is refused holds a page of nobody's, and may say nothing at all.
    element.onload = () => resolve(tag === 'iframe' && !element.contentDocument ? '' : tag + ' ' + url);
    element.onerror = () => resolve('');
    setTimeout(() => resolve(''), ${silenceMs});
    if (tag === 'link') Object.assign(element, { rel: 'stylesheet', href: url });
    else element[tag === 'object' ? 'data' : 'src'] = url;
    document.body.append(element);
  })),
  new Promise((resolve) => {
    const worker = new Worker(url);
    worker.onmessage = () => resolve('worker ' + url);
    worker.onerror = () => resolve('');
    setTimeout(() => resolve(''), ${silenceMs});
  }),
  navigator.serviceWorker.register(url).then(() => 'service worker ' + url, () => ''),
`;

t.test('what people upload runs with nobody else’s rights', { skip: browserSkipReason() }, async (t) => {
  const { gateway, open, person } = await openVisitors(t, { others: ['bob'] });
  const bob = await person('bob');
  const { user } = (await bob.api('GET', '/me')).json<{ user: { id: string } }>();
  const root = join(gateway.data, 'files/private', user.id);
  mkdirSync(root, { recursive: true });
  for (const [name, content] of Object.entries(hostile)) writeFileSync(join(root, name), content);
  const { page } = await open('bob');
  const heard: string[] = [];
  const { entries } = (await bob.api('GET', '/files/private')).json<{ entries: { name: string; address: string }[] }>();
  t.equal(entries.length, Object.keys(hostile).length);
  const rawOf = (address: string) => `${gateway.origin}/api/v1/files/private/${address}`;
  page.context().on('request', (request) => {
    if (request.url().includes('stolen=')) heard.push(request.url());
  });
  page.context().on('dialog', (dialog) => heard.push(`dialog ${dialog.message()}`));
  const isSilent = async (what: string, shown: Page) => {
    t.same(heard.splice(0), [], `${what}: nothing was asked`);
    t.not(await shown.title(), 'owned', `${what}: the window has its title`);
  };

  await t.test('the probe is heard where it does run', async (t) => {
    await page.goto(`${gateway.origin}/files/private`);
    await page.evaluate(`fetch('/api/v1/me?stolen=control').then(() => undefined)`);
    t.equal(heard.splice(0).length, 1);
  });

  await t.test('on its page', async () => {
    for (const { name, address } of entries) {
      await page.goto(`${gateway.origin}/files/private?view=${encodeURIComponent(address)}`);
      await page.locator('#main h1').waitFor();
      await eventually(`${name} is shown`, () =>
        page.evaluate(`!/Opening|Reading…/.test(document.querySelector('#main')?.innerText ?? 'Opening')`),
      );
      if (name === 'g.ipynb') await page.locator('#main iframe').first().waitFor({ state: 'attached' });
      const elements = await page.evaluate(`({
        handlers: [...document.querySelectorAll('#main *')].filter((one) => [...one.attributes].some(({ name }) => /^on/.test(name))).length,
        scripts: document.querySelectorAll('#main :is(script, object, embed)').length,
        links: [...document.querySelectorAll('#main a')].filter(({ protocol }) => !/^(https?|mailto):$/.test(protocol)).length,
        frames: [...document.querySelectorAll('iframe')].map((frame) => frame.getAttribute('sandbox')),
      })`);
      t.same(
        elements,
        { handlers: 0, scripts: 0, links: 0, frames: name === 'g.ipynb' ? [''] : [] },
        `${name}: nothing of it became part of the page`,
      );
      await isSilent(name, page);
    }
    await page.goto(`${gateway.origin}/files/private?view=h.csv`);
    await page.getByRole('cell', { name: '=HYPERLINK("https://example.org/?stolen=formula")' }).waitFor();
  });

  await t.test('by its own address', async (t) => {
    for (const { name, address } of entries) {
      const { headers } = await bob.request('GET', rawOf(address));
      t.match(
        headers,
        {
          'x-content-type-options': 'nosniff',
          'content-security-policy': /^sandbox; default-src 'none'/,
          'cross-origin-resource-policy': 'same-origin',
        },
        name,
      );
      t.notMatch(String(headers['content-type']), /html|javascript|ecmascript|xml;|\/xml|css/, name);
      const tab = await page.context().newPage();
      // What is kept ends the navigation.
      await tab.goto(rawOf(address)).catch(() => undefined);
      await isSilent(name, tab);
      await tab.close();
    }
  });

  await t.test('as a part of a page of ours', async (t) => {
    await page.goto(`${gateway.origin}/files/private`);
    const addresses = entries
      .filter(({ name }) => /^[a-o]/.test(name))
      .map(({ address }) => `/api/v1/files/private/${address}`);
    const ours = await page.evaluate(
      `(async (url) => Promise.all([${embeddings}]))(document.querySelector('link[rel=modulepreload]').href)`,
    );
    t.match([ours].flat().join(' '), /script http/, 'a script of ours is one');
    const ran = await page.evaluate(`Promise.all(${JSON.stringify(addresses)}.flatMap((url) => [${embeddings}]))`);
    t.same([ran].flat().filter(Boolean), [], 'no script, style, frame or worker is made of it');
    await isSilent('embedded', page);
  });
});
