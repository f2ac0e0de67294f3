import { chromium } from 'playwright-core';
const link = process.argv[2];
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [w,h,n,scheme] of [[1440,900,'d','light'],[390,844,'p','dark']]) {
  const c = await b.newContext({ ignoreHTTPSErrors: true, viewport: {width:w,height:h}, colorScheme: scheme });
  const p = await c.newPage();
  p.on('console', m => m.type()==='error' && console.log(n, m.text()));
  p.on('pageerror', e => console.log(n, 'PAGEERROR', e.message));
  if (n==='d') {
    await p.goto(link); await p.screenshot({ path: '/tmp/knot/look/setup.png' });
    await p.getByLabel(/user ?name/i).fill('root1'); 
    const e = p.getByLabel(/e-?mail/i); if (await e.count()) await e.fill('root@example.org');
    const t = p.getByLabel(/password/i); await t.first().fill('correct horse battery staple 9');
    if (await t.count()>1) await t.nth(1).fill('correct horse battery staple 9');
    await p.locator('button[type=submit]').first().click();
    await p.waitForTimeout(4000);
    await c.storageState({ path: '/tmp/knot/look/state.json' });
    await p.screenshot({ path: '/tmp/knot/look/home-d.png', fullPage: true });
    console.log(p.url());
  }
  const c2 = await b.newContext({ ignoreHTTPSErrors: true, viewport: {width:w,height:h}, colorScheme: scheme, storageState: '/tmp/knot/look/state.json' });
  const q = await c2.newPage();
  q.on('console', m => m.type()==='error' && console.log(n, m.text()));
  q.on('pageerror', e => console.log(n, 'PAGEERROR', e.message));
  for (const path of ['/', '/services/new', '/files', '/metrics', '/admin/people', '/admin/health', '/catalogue','/services']) {
    const r = await q.goto('https://localhost:8443'+path); await q.waitForTimeout(1500);
    console.log(n, path, r?.status(), q.url());
    await q.screenshot({ path: `/tmp/knot/look/${n}${path.replaceAll('/','_')}.png`, fullPage: true });
  }
}
await b.close();
