import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createPolicy } from '../../gateway/policy/index.ts';
import { newTokenSecret } from '../../gateway/tokens/secret.ts';
import { hrefs, lockBody, openDav, tokenIn } from './dav-house.ts';

/** WebDAV and whoever may not: scopes, areas, people, other sites, and what no honest client sends. */

t.test('who may not do it by the API may not do it here: scopes, areas, people, cookies, other sites', async (t) => {
  const { asAnn, asBob, by, ann, tokenOf, app, to, accounts } = await openDav(t);
  await asAnn('PUT', '/private/f', {}, 'hers');
  await asAnn('PUT', '/shared/f', {}, 'all');
  const reads = by('ann', await tokenOf(ann.id, 'files:read:private'));
  t.match(await reads('GET', '/private/f'), { status: 200, text: 'hers' });
  t.same(hrefs(await reads('PROPFIND', '/', { depth: '1' })), ['/dav/', '/dav/private/'], 'no other area is shown');
  for (const [method, path, headers, body] of [
    ['PUT', '/private/f', {}, 'x'],
    ['DELETE', '/private/f', {}],
    ['MKCOL', '/private/d', {}],
    ['MOVE', '/private/f', to('/private/g')],
    ['COPY', '/private/f', to('/private/g')],
    ['PROPPATCH', '/private/f', {}, '<D:propertyupdate xmlns:D="DAV:"/>'],
    ['LOCK', '/private/f', {}, lockBody()],
    ['GET', '/shared/f', {}],
    ['PROPFIND', '/shared/', { depth: '0' }],
  ] as const) {
    t.match(
      await reads(method, path, headers, body),
      { status: 403, text: /KNOT_API_TOKEN_SCOPE/ },
      `${method} ${path}`,
    );
  }
  const other = by('ann', await tokenOf(ann.id, 'account:write', 'admin:write'));
  t.match(await other('PROPFIND', '/private/', { depth: '0' }), { status: 403 });
  t.match(await asBob('PROPFIND', '/admin/', { depth: '1' }), { status: 403 });
  t.match(await asBob('PROPFIND', '/team/physics/', { depth: '1' }), { status: 404 });
  t.match(await asBob('PROPFIND', '/user:ann/', { depth: '1' }), { status: 404 });
  t.same(hrefs(await asBob('PROPFIND', '/private/', { depth: '1' })), ['/dav/private/'], 'his own');
  const secret = await tokenOf(ann.id, 'files:write');
  for (const [user, password] of [
    ['bob', secret],
    ['', secret],
    ['ann', newTokenSecret()],
    ['ann', 'correct horse battery 7'],
    ['ann', ''],
  ]) {
    const answer = await by(user!, password!)('GET', '/private/f');
    t.match(answer, { status: 401, headers: { 'www-authenticate': /^Basic realm="Knot"/ } }, `${user}`);
    t.notOk(answer.text.includes('horse') || answer.text.includes(secret));
  }
  const url = '/dav/private/f';
  const bearer = await app.inject({ url, headers: { authorization: `Bearer ${secret}` } });
  t.equal(bearer.statusCode, 200);
  const cookie = await app.inject({ url, headers: { cookie: ann.cookie, 'sec-fetch-site': 'same-origin' } });
  t.equal(cookie.statusCode, 401, 'a cookie is nobody');
  const page = await app.inject({
    url,
    headers: { cookie: ann.cookie, 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' },
  });
  t.notMatch(page.headers['www-authenticate'], /Basic/, 'no browser is asked for a password');
  const basic = `Basic ${Buffer.from(`ann:${secret}`).toString('base64')}`;
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ]) {
    for (const method of ['GET', 'PUT'] as const) {
      const answer = await app.inject({ method, url, headers: { authorization: basic, ...headers } });
      t.equal(answer.statusCode, 403, `${method} ${JSON.stringify(headers)}`);
    }
  }
  t.match(await asAnn('GET', `/private/f?token=${secret}`), { status: 400 });
  await accounts.setState(ann.id, 'disabled', { name: 'test' });
  t.match(await asAnn('GET', '/private/f'), { status: 401 });
});

t.test('who may only add to a folder learns nothing of what is in it, and locks nothing there', async (t) => {
  const folder = t.testdir({
    'letter-box.cedar': `forbid (principal in Role::"user", action in [Action::"listFiles", Action::"readFiles", Action::"writeFiles"],
      resource == FileArea::"shared") unless { principal.username == "ann" };`,
  });
  for (const name of ['schema.cedarschema', 'default.cedar'])
    copyFileSync(join(import.meta.dirname, '../../policies', name), join(folder, name));
  const policy = await createPolicy({ recordReload: () => undefined, folder, clock: systemClock, log: silentLog });
  t.teardown(() => policy.close());
  const { asAnn, asBob, folderOfFiles, to } = await openDav(t, { policy });
  const box = join(folderOfFiles, 'shared');
  mkdirSync(join(box, 'is'), { recursive: true });
  for (const name of ['no', 'held']) writeFileSync(join(box, name), 'hers');
  for (const name of ['is', 'held'])
    t.match(await asAnn('LOCK', `/shared/${name}`, {}, lockBody()), { status: 200 }, name);
  await asBob('PUT', '/private/mine', {}, 'his');
  for (const name of ['is', 'no', 'held', 'up']) {
    t.match(await asBob('PUT', `/shared/${name}/in/f`, {}, 'his'), { status: 201 }, name);
    t.match(await asBob('PUT', `/shared/${name}`, {}, 'his'), { status: 201 }, name);
    t.match(await asBob('MKCOL', `/shared/${name}/made`), { status: 201 }, name);
    t.match(await asBob('COPY', '/private/mine', to(`/shared/${name}/mine`)), { status: 201 }, name);
    t.match(await asBob('LOCK', `/shared/${name}`, {}, lockBody()), { status: 403, text: /KNOT_API_DENIED/ }, name);
    t.match(await asBob('LOCK', `/shared/${name}/f`, {}, lockBody()), { status: 403, text: /KNOT_API_DENIED/ }, name);
  }
  for (const name of ['is', 'no (2)', 'held (2)', 'up'])
    t.same(readdirSync(join(box, name)).sort(), ['in', 'made', 'mine'], name);
  for (const name of ['no', 'held']) t.equal(readFileSync(join(box, name), 'utf8'), 'hers');
});

t.test('X1 XML that attacks, addresses that lead out, and what no client sends', async (t) => {
  const { asAnn, root, to, folderOfFiles } = await openDav(t);
  await asAnn('PUT', '/private/f', {}, 'x');
  const wrap = (inner: string) => `<D:propfind xmlns:D="DAV:">${inner}</D:propfind>`;
  const bomb = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">${'bcdefgh'.replace(/./g, (name, at: number) => `<!ENTITY ${name} "${`&${'abcdefgh'[at]};`.repeat(10)}">`)}]>`;
  for (const [what, body, status] of [
    ['entities that grow', `${bomb}${wrap('<D:prop><D:displayname>&h;</D:displayname></D:prop>')}`, 400],
    ['a file by an entity', `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${wrap('&f;')}`, 400],
    ['a document type elsewhere', `<!DOCTYPE x SYSTEM "https://evil.example/x.dtd">${wrap('')}`, 400],
    ['an entity of nobody', wrap('&f;'), 400],
    ['a stylesheet', `<?xml-stylesheet href="https://evil.example"?>${wrap('')}`, 400],
    ['not well-formed', '<D:propfind xmlns:D="DAV:"><D:prop>', 400],
    ['two roots', `${wrap('')}${wrap('')}`, 400],
    ['no namespace', '<D:propfind><D:prop/></D:propfind>', 400],
    ['deep', `${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}`, 400],
    ['wide', wrap(`<D:prop>${'<D:a/>'.repeat(5000)}</D:prop>`), 400],
    ['large', wrap(`<!--${'x'.repeat(70_000)}-->`), 413],
    ['another encoding', `<?xml version="1.0" encoding="utf-7"?>${wrap('')}`, 415],
  ] as const) {
    const answer = await asAnn('PROPFIND', '/private/', { depth: '0', 'content-type': 'application/xml' }, body);
    t.equal(answer.status, status, `${what}: ${answer.text.slice(0, 200)}`);
    t.notMatch(answer.text, /root:|aaaa/);
  }
  const forged = await asAnn(
    'LOCK',
    '/private/f',
    {},
    lockBody('exclusive', '<D:owner>]]&gt;&lt;/D:owner&gt;<x xmlns="urn:x">y</x></D:owner>'),
  );
  t.match(forged, { status: 200, text: /<D:owner>\]\]&#62;&#60;\/D:owner&#62; y<\/D:owner>/ });
  await asAnn('UNLOCK', '/private/f', { 'lock-token': `<${tokenIn(forged)}>` });

  for (const [destination, status] of [
    ['https://evil.example/dav/private/g', 502],
    ['https://localhost:8443@evil.example/dav/private/g', 400],
    ['https://localhost:1/dav/private/g', 502],
    ['https://jupyterhub.localhost:8443/dav/private/g', 502],
    ['//evil.example/dav/private/g', 502],
    ['https://localhost:8443/api/v1/files/private/g', 502],
    ['https://localhost:8443/davx/private/g', 502],
    ['https://localhost:8443/dav/private/../admin/g', 400],
    ['/dav/private/%2e%2e/%2e%2e/g', 400],
    ['/dav/private/..%2f..%2fg', 400],
    ['/dav/private/a%00b', 400],
    ['/dav/private//g', 400],
    ['/dav/private/g?x', 400],
    ['/dav/private/%zz', 400],
    ['/dav/private/a\\..\\b', 400],
    ['/dav/private/.knot/g', 404],
    ['/dav/private/', 403],
    ['/dav/team/', 403],
    ['/dav/', 403],
    ['dav/private/g', 400],
    ['', 400],
    ['/dav/private/f', 403],
    ['/dav/private/f/g', 403],
    ['/dav/admin/g', 403],
    ['/dav/team/none/g', 404],
  ] as const) {
    for (const method of ['MOVE', 'COPY']) {
      const answer = await asAnn(method, '/private/f', { destination });
      t.equal(
        answer.status === status || answer.status === (status === 404 ? 409 : status),
        true,
        `${method} ${destination}: ${answer.status}`,
      );
    }
  }
  t.match(await asAnn('MOVE', '/private/f', {}), { status: 400 }, 'no Destination');
  t.match(
    await asAnn('MOVE', '/private/f', { ...to('/private/g'), overwrite: 'maybe' }),
    { status: 201 },
    'nothing is there',
  );
  t.same(readFileSync(join(root, 'g'), 'utf8'), 'x');
  t.notOk(existsSync(join(folderOfFiles, 'g')));
  await asAnn('MKCOL', '/private/d');
  await asAnn('MOVE', '/private/g', to('/private/d/g'));
  t.match(await asAnn('MOVE', '/private/d/g', to('/private/d')), { status: 403 }, 'onto the folder it is in');
  t.match(await asAnn('MOVE', '/private/d', to('/private/d/e')), { status: 403 }, 'into itself');
  t.match(await asAnn('GET', '/private/d/g'), { status: 200, text: 'x' });
  t.match(await asAnn('DELETE', '/private/'), { status: 403 });
  t.match(await asAnn('PUT', '/private/.knot/x', {}, 'x'), { status: 409 });
  t.match(await asAnn('PUT', '/private/p', { 'content-range': 'bytes 0-0/9' }, 'x'), { status: 400 });
});

t.test('the record says which token did it', async (t) => {
  const { asAnn, audit } = await openDav(t);
  t.match(await asAnn('PUT', '/private/f', {}, 'text'), { status: 201 });
  t.match(await audit.list({ limit: 1 }), [
    { action: 'files.written', actor: 'ann', detail: { token: 'dav', tokenId: /./ } },
  ]);
  t.match(await asAnn('DELETE', '/private/f'), { status: 204 });
  t.match(await audit.list({ limit: 1 }), [{ action: 'files.trashed', actor: 'ann', detail: { token: 'dav' } }]);
});
