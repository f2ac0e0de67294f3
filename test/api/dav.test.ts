import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { hrefs, lockBody, openDav, tokenIn } from './dav-house.ts';

/** The files by WebDAV (RFC 4918), as programs of people ask for them. */

t.test('areas are folders; files are made, listed, read, moved, copied and deleted into the trash', async (t) => {
  const { asAnn, root, to, accounts, ann, audit } = await openDav(t);
  const team = await accounts.createTeam({ name: 'physics', title: 'Physics' }, { name: 'test' });
  await accounts.setMember(team.id, ann.id, 'member', { name: 'test' });
  t.match(await asAnn('OPTIONS', '/', { authorization: '' }), {
    status: 200,
    headers: { dav: '1, 2', allow: /PROPFIND/ },
  });
  t.same(hrefs(await asAnn('PROPFIND', '/', { depth: '1' })), ['/dav/', '/dav/private/', '/dav/shared/', '/dav/team/']);
  t.same(hrefs(await asAnn('PROPFIND', '', { depth: '0' })), ['/dav/']);
  t.same(hrefs(await asAnn('PROPFIND', '/team/', { depth: '1' })), ['/dav/team/', '/dav/team/physics/']);
  t.match(await asAnn('MKCOL', '/team/physics/d'), { status: 201 });
  t.match(await asAnn('MKCOL', '/private/d'), { status: 201 });
  t.match(await asAnn('MKCOL', '/private/d'), { status: 405 });
  t.match(await asAnn('MKCOL', '/private/no/d'), { status: 409 });
  t.match(await asAnn('MKCOL', '/private/e', { 'content-type': 'text/xml' }, '<x/>'), { status: 415 });
  const made = await asAnn('PUT', '/private/d/f.txt', {}, 'first');
  t.match(made, { status: 201, headers: { etag: /^"/ } });
  t.match(await asAnn('PUT', '/private/d/f.txt', {}, 'second'), { status: 204 });
  t.match(await asAnn('PUT', '/private/no/f', {}, 'x'), { status: 409 });
  t.match(await asAnn('PUT', '/private/d', {}, 'x'), { status: 405 });
  const read = await asAnn('GET', '/private/d/f.txt', { range: 'bytes=1-3' });
  t.match(read, { status: 206, text: 'eco', headers: { 'content-security-policy': /sandbox/ } });
  const listed = await asAnn('PROPFIND', '/private/d', { depth: '1' });
  t.same(hrefs(listed), ['/dav/private/d/', '/dav/private/d/f.txt']);
  t.match(listed.text, /<D:getcontentlength>6</);
  const { etag } = (await asAnn('HEAD', '/private/d/f.txt')).headers;
  t.ok(listed.text.includes(String(etag).replaceAll('"', '&#34;')), 'the version is that of the API');
  t.match(await asAnn('COPY', '/private/d', to('/private/c')), { status: 201 });
  t.match(await asAnn('COPY', '/private/d', { ...to('/private/flat'), depth: '0' }), { status: 201 });
  t.same(hrefs(await asAnn('PROPFIND', '/private/flat', { depth: '1' })), ['/dav/private/flat/']);
  t.match(await asAnn('MOVE', '/private/d/f.txt', to('/private/no/f')), { status: 409 });
  t.match(await asAnn('MOVE', '/private/d/f.txt', { ...to('/private/c/f.txt'), overwrite: 'F' }), { status: 412 });
  t.match(await asAnn('MOVE', '/private/d/f.txt', to('/private/c/f.txt')), { status: 204 });
  t.match(await asAnn('MOVE', '/private/c', to('/private/flat')), { status: 204 }, 'a folder takes the place of one');
  t.same(hrefs(await asAnn('PROPFIND', '/private/flat', { depth: '1' })), [
    '/dav/private/flat/',
    '/dav/private/flat/f.txt',
  ]);
  t.match(await asAnn('MOVE', '/private/flat/f.txt', { destination: '/dav/team/physics/d/g' }), { status: 201 });
  t.match(await asAnn('DELETE', '/team/physics/d', { depth: '0' }), { status: 400 });
  t.match(await asAnn('DELETE', '/team/physics/d'), { status: 204 });
  t.match(await asAnn('GET', '/team/physics/d/g'), { status: 404 });
  t.ok(existsSync(join(root, 'flat')));
  const told = (await audit.list({ person: 'ann' })).map(({ action }) => action);
  for (const action of ['files.written', 'files.folder-made', 'files.copied', 'files.moved', 'files.trashed']) {
    t.ok(told.includes(action), `${action} is in the ledger`);
  }
});

t.test('properties: those that are asked for, the others named as missing, none of clients kept', async (t) => {
  const { asAnn, allowance } = await openDav(t);
  allowance.limit = 1000;
  await asAnn('PUT', '/private/f & <g>.txt', {}, 'x');
  const asked = await asAnn(
    'PROPFIND',
    '/private/',
    { depth: '1' },
    '<a:propfind xmlns:a="DAV:" xmlns:z="urn:z"><a:prop><a:getcontentlength/><a:quota-available-bytes/><a:quota-used-bytes/><z:colour/></a:prop></a:propfind>',
  );
  t.match(asked, { status: 207, headers: { 'content-type': /xml/ } });
  t.match(asked.text, /<D:quota-available-bytes>999</);
  t.match(asked.text, /<D:prop><D:getcontentlength\/><colour xmlns="urn:z"\/><\/D:prop><D:status>HTTP\/1.1 404/);
  t.match(asked.text, /f%20%26%20%3Cg%3E\.txt/);
  const names = await asAnn('PROPFIND', '/private', { depth: '0' }, '<propfind xmlns="DAV:"><propname/></propfind>');
  t.match(names.text, /<D:resourcetype\/>/);
  const update =
    '<D:propertyupdate xmlns:D="DAV:" xmlns:z="urn:z"><D:set><D:prop><z:colour>red</z:colour></D:prop></D:set></D:propertyupdate>';
  const patched = await asAnn('PROPPATCH', '/private/f%20&%20%3Cg%3E.txt', {}, update);
  t.match(patched, { status: 207, text: /<colour xmlns="urn:z"\/>.*403 Forbidden/ });
  for (const depth of [undefined, 'infinity', 'Infinity']) {
    const refused = await asAnn('PROPFIND', '/private/', depth === undefined ? {} : { depth });
    t.match(refused, { status: 403, text: /<D:propfind-finite-depth\/>/ }, `Depth ${depth}`);
  }
  for (const depth of ['2', '-1', '99999999999999999999', '1, 1']) {
    t.match(await asAnn('PROPFIND', '/private/', { depth }), { status: 400 }, `Depth ${depth}`);
  }
});

t.test('names of every kind go through list, read and move unchanged; links and pipes are not shown', async (t) => {
  const { asAnn, root, to } = await openDav(t);
  const names = [
    'new\nline',
    'e\u0301',
    '\u00e9',
    'a & b#1.txt',
    'x + y',
    'p_%25_q',
    '90%h',
    'dot.',
    'back\\slash',
    '\u0001',
    ';x',
  ];
  for (const name of names) writeFileSync(join(root, name), name);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0xff, 0x41)]), 'bytes');
  symlinkSync('/etc/passwd', join(root, 'link'));
  const [, ...found] = hrefs(await asAnn('PROPFIND', '/private/', { depth: '1' }));
  t.equal(found.length, names.length + 1);
  await asAnn('MKCOL', '/private/to');
  const contents: string[] = [];
  for (const href of found) {
    const path = href!.slice('/dav'.length);
    contents.push((await asAnn('GET', path)).text);
    t.match(await asAnn('MOVE', path, to(`/private/to/${path.split('/').at(-1)}`)), { status: 201 }, path);
  }
  t.same(contents.sort(), [...names, 'bytes'].sort());
  for (const name of names) t.equal(readFileSync(join(root, 'to', name), 'utf8'), name);
  t.match(await asAnn('GET', '/private/link'), { status: 409 });
});

t.test('conditions: entity tags and the If header', async (t) => {
  const { asAnn, to } = await openDav(t);
  const etag = String((await asAnn('PUT', '/private/f', {}, 'one')).headers['etag']);
  t.match(await asAnn('PUT', '/private/f', { 'if-none-match': '*' }, 'x'), { status: 412 });
  t.match(await asAnn('PUT', '/private/f', { 'if-match': '"x"' }, 'x'), { status: 412 });
  t.match(await asAnn('PUT', '/private/new', { 'if-match': '*' }, 'x'), { status: 412 });
  t.match(await asAnn('PUT', '/private/f', { if: '(["x"])' }, 'x'), { status: 412 });
  t.match(await asAnn('PUT', '/private/f', { if: `(Not [${etag}])` }, 'x'), { status: 412 });
  t.match(await asAnn('PUT', '/private/f', { if: `(<urn:x>) ([${etag}])` }, 'two'), { status: 204 });
  t.match(await asAnn('PUT', '/private/f', { if: `([${etag}])` }, 'x'), { status: 412 }, 'it is another one now');
  const tagged = (condition: string) => ({ if: `<https://localhost:8443/dav/private/f> (${condition})` });
  t.match(await asAnn('PUT', '/private/g', tagged('Not <DAV:no-lock>'), 'g'), { status: 201 });
  t.match(await asAnn('PUT', '/private/g', tagged('<DAV:no-lock>'), 'g'), { status: 412 });
  t.match(await asAnn('DELETE', '/private/g', { 'if-match': '"x"' }), { status: 412 });
  t.match(await asAnn('MOVE', '/private/g', { ...to('/private/h'), 'if-match': '"x"' }), { status: 412 });
  for (const header of ['(', '()', '<x>', 'x', '(["a"]', '(<a>) <b> (<c>)', `(${'<a> '.repeat(101)})`, '((<a>))']) {
    t.match(await asAnn('PUT', '/private/f', { if: header }, 'x'), { status: 400 }, header.slice(0, 30));
  }
});

t.test('a lock is kept: by another program and another person nothing under it changes', async (t) => {
  const { asAnn, by, ann, bob, tokenOf, to, clock } = await openDav(t);
  const shared = '/shared/doc.txt';
  const asBob = by('bob', await tokenOf(bob.id, 'files:write'));
  await asAnn('PUT', shared, {}, 'text');
  const locked = await asAnn('LOCK', shared, { timeout: 'Second-300' }, lockBody());
  t.match(locked, { status: 200, text: /<D:exclusive\/>.*<D:owner><D:href>mailto:ann<\/D:href>.*Second-300/ });
  const token = tokenIn(locked);
  t.match(token, /^urn:uuid:/);
  for (const [who, headers] of [
    [asAnn, {}],
    [asBob, {}],
    [asBob, { if: `(<${token}>)` }],
    [asAnn, { if: '(<urn:uuid:00000000-0000-4000-8000-000000000000>)' }],
  ] as const) {
    for (const [method, path, more] of [
      ['PUT', shared, {}],
      ['DELETE', shared, {}],
      ['MOVE', shared, to('/shared/away')],
      ['PROPPATCH', shared, {}],
      ['LOCK', shared, {}],
    ] as const) {
      const body = method === 'LOCK' ? lockBody() : method === 'PROPPATCH' ? '<D:propertyupdate xmlns:D="DAV:"/>' : 'x';
      const answer = await who(
        method,
        path,
        { ...headers, ...more },
        method === 'PUT' || body.startsWith('<') ? body : undefined,
      );
      t.match([423, 412].includes(answer.status), true, `${method} ${JSON.stringify(headers)}: ${answer.status}`);
    }
  }
  t.match(await asBob('PUT', shared, {}, 'x'), {
    status: 423,
    text: /<D:lock-token-submitted><D:href>\/dav\/shared\/doc.txt</,
  });
  await asBob('PUT', '/shared/other', {}, 'x');
  t.match(await asBob('COPY', '/shared/other', to(shared)), { status: 423 }, 'nor is it replaced');
  t.match(await asAnn('PUT', shared, { if: `(<${token}>)` }, 'mine'), { status: 204 });
  const shown = (who: typeof asAnn) => who('PROPFIND', shared, { depth: '0' });
  t.ok((await shown(asAnn)).text.includes(token));
  const toBob = (await shown(asBob)).text;
  t.match(toBob, /<D:activelock>/, 'others see that it is');
  t.notOk(toBob.includes(token), 'and not by which token');
  t.match(await asBob('UNLOCK', shared, { 'lock-token': `<${token}>` }), { status: 409 });
  t.match(await asAnn('UNLOCK', '/shared/other', { 'lock-token': `<${token}>` }), { status: 409 });
  t.match(await asAnn('UNLOCK', shared), { status: 400 });
  t.match(await asAnn('LOCK', shared, { if: `(<${token}>)`, timeout: 'Infinite' }), {
    status: 200,
    text: /Second-3600/,
  });
  t.match(await asAnn('UNLOCK', shared, { 'lock-token': `<${token}>` }), { status: 204 });
  t.match(await asBob('PUT', shared, {}, 'his'), { status: 204 });

  const made = await asAnn('LOCK', '/private/note', { depth: '0' }, lockBody());
  t.match(made, { status: 201 }, 'what is not there is made, empty');
  const put = { if: `<https://localhost:8443/dav/private/note> (<${tokenIn(made)}>)` };
  t.match(await asAnn('PUT', '/private/note', put, 'foo'), { status: 204 });
  t.match(await asAnn('DELETE', '/private/note', put), { status: 204 });
  t.match(await asAnn('PUT', '/private/note', {}, 'again'), { status: 201 }, 'its lock went with it');

  await asAnn('MKCOL', '/shared/d');
  const deep = tokenIn(await asAnn('LOCK', '/shared/d', {}, lockBody('shared')));
  t.match(await asBob('PUT', '/shared/d/f', {}, 'x'), { status: 423 });
  const his = tokenIn(await asBob('LOCK', '/shared/d', {}, lockBody('shared')));
  t.match(await asBob('PUT', '/shared/d/f', { if: `</dav/shared/d> (<${his}>)` }, 'x'), { status: 201 });
  t.match(await asAnn('LOCK', '/shared/d/f', {}, lockBody()), { status: 423 });
  t.match(await asAnn('MOVE', '/shared/d', to('/shared/e')), { status: 423 });
  clock.advance(3_700_000);
  t.match(await asAnn('MOVE', '/shared/d', { ...to('/shared/e'), if: `(<${deep}>) (Not <DAV:no-lock>)` }), {
    status: 201,
  });
  t.match(await asAnn('LOCK', '/private/x', { depth: '1' }, lockBody()), { status: 400 });
  t.match(await asAnn('LOCK', '/', {}, lockBody()), { status: 403 });
  t.ok(ann.id);
});
