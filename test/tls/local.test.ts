import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { type Clock, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { type CertificateOptions, createCertificates, tlsOptions } from '../../gateway/tls/index.ts';
import { makeAuthority, makeLeaf, newKey } from '../../gateway/tls/issue.ts';
import { handshake, newFolder, presented, serve } from './fixture.ts';
import { eventually } from '../support/eventually.ts';

const dayMs = 24 * 3600 * 1000;

const open = (dataFolder: string, more: Partial<CertificateOptions> = {}) =>
  createCertificates({
    config: {},
    domain: 'localhost',
    dataFolder,
    clock: systemClock,
    log: silentLog,
    isKnownHost: (host) => host === 'jupyterhub.localhost' || host === 'echo.localhost',
    ...more,
  });

t.test('the local CA is constrained, and its keys are readable by the owner only', async (t) => {
  const folder = newFolder();
  const certificates = await open(folder);
  t.teardown(() => certificates.close());
  const caFile = certificates.caFile() ?? '';
  t.equal(caFile, join(folder, 'tls', 'ca.pem'));
  t.equal(readFileSync(caFile, 'utf8'), certificates.caPem());
  for (const file of ['ca.key', 'leaf.pem']) t.equal(statSync(join(folder, 'tls', file)).mode & 0o777, 0o600, file);

  const text = execFileSync('openssl', ['x509', '-in', caFile, '-noout', '-text'], { encoding: 'utf8' });
  t.match(text, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
  t.match(text, /Key Usage: critical\s+Certificate Sign, CRL Sign/);
  t.match(text, /Name Constraints: critical\s+Permitted:\s+DNS:localhost/);
  t.match(text, /ASN1 OID: prime256v1/);

  const leaf = new X509Certificate(certificates.current().cert);
  t.same(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'serverAuth only');
  t.ok(leaf.validToDate.getTime() - leaf.validFromDate.getTime() <= 397 * dayMs);
  t.equal(leaf.subjectAltName, 'DNS:localhost, DNS:*.localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  t.notOk(certificates.current().cert.includes('PRIVATE'));
});

t.test('a leaf of the CA for a foreign name is refused by clients', async (t) => {
  const authority = await makeAuthority({ domain: 'localhost' }, Date.now());
  const folder = newFolder();
  const leaf = async (names: Parameters<typeof makeLeaf>[2], file: string) => {
    writeFileSync(join(folder, file), (await makeLeaf(authority, newKey(), names, Date.now())).cert);
    return join(folder, file);
  };
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, authority.cert);
  const verify = (file: string) =>
    execFileSync('openssl', ['verify', '-CAfile', ca, file], { encoding: 'utf8', stdio: 'pipe' });
  t.match(verify(await leaf([{ type: 'dns', value: 'echo.localhost' }], 'good.pem')), /OK/);
  const example = await leaf([{ type: 'dns', value: 'example.com' }], 'bad-name.pem');
  t.throws(() => verify(example), /permitted subtree violation/);
  for (const value of ['192.0.2.1', '2001:db8::1', '::2']) {
    const address = await leaf([{ type: 'ip', value }], 'bad-address.pem');
    t.throws(() => verify(address), /permitted subtree violation/, value);
  }
  t.match(verify(await leaf([{ type: 'ip', value: '::1' }], 'loopback.pem')), /OK/);
});

t.test('a CA for a name of its own signs for no address at all', async (t) => {
  const authority = await makeAuthority({ domain: 'knot.example.org' }, Date.now());
  const folder = newFolder();
  const [ca, file] = [join(folder, 'ca.pem'), join(folder, 'leaf.pem')];
  writeFileSync(ca, authority.cert);
  for (const value of ['127.0.0.1', '192.0.2.1', '::1', '2001:db8::1']) {
    writeFileSync(file, (await makeLeaf(authority, newKey(), [{ type: 'ip', value }], Date.now())).cert);
    const verify = () => execFileSync('openssl', ['verify', '-CAfile', ca, file], { encoding: 'utf8', stdio: 'pipe' });
    t.throws(verify, /excluded subtree violation/, value);
  }
});

t.test('server names: which are answered, and by which certificate', async (t) => {
  const certificates = await open(newFolder());
  const edge = await serve(certificates);
  t.teardown(async () => {
    edge.close();
    await certificates.close();
  });
  const ca = certificates.caPem() ?? '';
  const answered: [string | undefined, RegExp][] = [
    ['localhost', /DNS:localhost,/],
    ['LOCALHOST', /DNS:localhost,/],
    ['jupyterhub.localhost', /^DNS:jupyterhub\.localhost$/],
    ['JupyterHub.localhost', /^DNS:jupyterhub\.localhost$/],
    ['echo.localhost', /^DNS:echo\.localhost$/],
    [undefined, /DNS:localhost,/],
  ];
  for (const [servername, names] of answered) {
    const shake = await handshake(edge.port, { ca, ...(servername === undefined ? {} : { servername }) });
    t.ok(shake.ok, `${servername} is verified`);
    if (shake.ok) t.match(shake.names, names);
  }
  const refused = [
    'unknown.localhost',
    'a.jupyterhub.localhost',
    'example.com',
    'localhost.example.com',
    'xlocalhost',
    '__proto__',
    '-a.localhost',
    `${'a'.repeat(64)}.localhost`,
    `${'a.'.repeat(120)}localhost`,
  ];
  for (const servername of refused) {
    t.match(await handshake(edge.port, { ca, servername }), { ok: false }, `${servername} is refused`);
  }
  t.match(await handshake(edge.port, { ca, servername: 'localhost' }), { ok: true }, 'and it is still alive');
});

t.test('the SNI callback survives whatever it is given', async (t) => {
  const certificates = await open(newFolder(), {
    isKnownHost: () => {
      throw new Error('the route table is broken');
    },
  });
  t.teardown(() => certificates.close());
  for (const name of [
    '',
    '127.0.0.1',
    '::1',
    '\0',
    'a\0.localhost',
    '__proto__',
    'x'.repeat(70_000),
    'echo.localhost',
    null,
    undefined,
    7,
  ]) {
    const outcome = await new Promise<string>((resolve) =>
      certificates.sniCallback(name as string, (error, context) =>
        resolve(error ? 'refused' : context ? 'context' : 'nothing'),
      ),
    );
    const isUnnamed = name === '' || name === '127.0.0.1' || name === '::1';
    t.equal(outcome, isUnnamed ? 'context' : 'refused', JSON.stringify(name)?.slice(0, 30));
  }
});

t.test('TLS 1.1 is refused, 1.2 is spoken', async (t) => {
  // The cipher list alone refuses 1.1 too, so the handshake below cannot tell whether this is set.
  t.equal(tlsOptions().minVersion, 'TLSv1.2');
  const certificates = await open(newFolder());
  const edge = await serve(certificates);
  t.teardown(async () => {
    edge.close();
    await certificates.close();
  });
  const ca = certificates.caPem() ?? '';
  t.match(await handshake(edge.port, { ca, servername: 'localhost', maxVersion: 'TLSv1.1' }), { ok: false });
  t.match(await handshake(edge.port, { ca, servername: 'localhost', maxVersion: 'TLSv1.2' }), {
    ok: true,
    protocol: 'TLSv1.2',
  });
});

t.test('a ClientHello in many small pieces is judged like a whole one', async (t) => {
  const certificates = await open(newFolder());
  const edge = await serve(certificates);
  // Passes on what the client sends in segments of a few bytes; its hello is of post-quantum size.
  const splitter = createServer((client) => {
    const upstream = connectTcp({ port: edge.port, host: '127.0.0.1', noDelay: true });
    let queue = Promise.resolve();
    client.on('data', (data: Buffer) => {
      for (let at = 0; at < data.length; at += 7) {
        const piece = data.subarray(at, at + 7);
        queue = queue.then(() => new Promise((resolve) => void upstream.write(piece, () => setImmediate(resolve))));
      }
    });
    upstream.pipe(client);
    for (const socket of [client, upstream])
      socket.on('error', () => [client, upstream].forEach((one) => one.destroy()));
    client.on('close', () => upstream.destroy());
  });
  splitter.listen(0, '127.0.0.1');
  await once(splitter, 'listening');
  t.teardown(async () => {
    splitter.close();
    edge.close();
    await certificates.close();
  });
  const ca = certificates.caPem() ?? '';
  const { port } = splitter.address() as AddressInfo;
  t.match(await handshake(port, { ca, servername: 'echo.localhost' }), { ok: true, names: 'DNS:echo.localhost' });
  t.match(await handshake(port, { ca, servername: 'unknown.localhost' }), { ok: false });
});

t.test('garbage instead of a ClientHello leaves the server alive', async (t) => {
  const certificates = await open(newFolder());
  const edge = await serve(certificates);
  t.teardown(async () => {
    edge.close();
    await certificates.close();
  });
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff', '\0'.repeat(600)]) {
    await new Promise<void>((resolve) => {
      const socket = connectTcp(edge.port, '127.0.0.1', () => socket.end(bytes));
      socket.on('error', () => undefined);
      socket.resume();
      socket.on('close', () => resolve());
    });
  }
  t.match(await handshake(edge.port, { ca: certificates.caPem() ?? '', servername: 'localhost' }), { ok: true });
});

t.test('a second start keeps CA and leaf, and loads no certificate library', async (t) => {
  const folder = newFolder();
  const first = await open(folder);
  await first.close();
  const second = await open(folder);
  await second.close();
  t.equal(second.caPem(), first.caPem());
  t.same(second.current(), first.current());
  const door = new URL('../../gateway/tls/index.ts', import.meta.url).pathname;
  const script = `
    import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) { if (name.includes('x509')) console.log('loaded', name); return next(name, context); } });
    const { createCertificates } = await import(${JSON.stringify(door)});
    const c = await createCertificates({ config: {}, domain: 'localhost', dataFolder: ${JSON.stringify(folder)},
      clock: { now: () => Date.now() }, log: console });
    await c.close(); console.log('opened');`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  t.equal(output.replaceAll(/.*name-constraints.*\n/g, '').trim(), 'opened');
});

t.test('the leaf is renewed before it expires, the CA kept', async (t) => {
  const folder = newFolder();
  const clock: Clock & { at: number } = { at: Date.now(), now: () => clock.at };
  const first = await open(folder, { clock });
  await first.close();
  clock.at += 50 * dayMs;
  const early = await open(folder, { clock });
  await early.close();
  t.same(early.current(), first.current(), 'not before its time');
  clock.at += 15 * dayMs;
  const late = await open(folder, { clock });
  await late.close();
  t.not(late.current().cert, first.current().cert);
  t.equal(late.caPem(), first.caPem());
  t.ok(new X509Certificate(late.current().cert).validToDate.getTime() > clock.at + 60 * dayMs);
});

t.test('the leaf is renewed while running, without dropping a connection', async (t) => {
  const clock: Clock & { at: number } = { at: Date.now(), now: () => clock.at };
  const certificates = await open(newFolder(), { clock, checkEveryMs: 20 });
  const edge = await serve(certificates);
  t.teardown(async () => {
    edge.close();
    await certificates.close();
  });
  const ca = certificates.caPem() ?? '';
  const before = certificates.current().cert;
  const held = connectTls({ port: edge.port, host: '127.0.0.1', ca, servername: 'echo.localhost' });
  t.teardown(() => held.destroy());
  await once(held, 'secureConnect');
  const names = await handshake(edge.port, { ca, servername: 'echo.localhost' });

  clock.at += 61 * dayMs;
  t.ok(
    await eventually('a new leaf is in force', () => certificates.current().cert !== before),
    'a new leaf is in force',
  );
  const serial = new X509Certificate(certificates.current().cert).serialNumber;
  held.write('still here');
  t.equal(String((await once(held, 'data'))[0]), 'still here', 'the open connection goes on');
  const unnamed = await presented(edge.port);
  t.equal(unnamed.serialNumber, serial, 'the default context was swapped');
  const renamed = await presented(edge.port, 'echo.localhost');
  t.not(names.ok && names.serial, renamed.serialNumber, 'leaves of single names were renewed too');
  t.equal(certificates.health().status, 'ok');
});

t.test('a failed renewal is told, keeps the old leaf, and is tried again', async (t) => {
  const folder = newFolder();
  const clock: Clock & { at: number } = { at: Date.now(), now: () => clock.at };
  const certificates = await open(folder, { clock, checkEveryMs: 20 });
  t.teardown(() => certificates.close());
  const before = certificates.current();
  const obstacle = join(folder, 'tls', 'leaf.pem.new');
  mkdirSync(obstacle);
  clock.at += 61 * dayMs;
  t.ok(await eventually('health says failed', () => certificates.health().status === 'failed'));
  t.match(certificates.health(), { message: /leaf\.pem cannot be written/, remedy: /write access/ });
  t.same(certificates.current(), before);
  rmdirSync(obstacle);
  t.ok(await eventually('health is ok again', () => certificates.health().status === 'ok'));
  t.not(certificates.current().cert, before.cert);
});

t.test('another domain gets a leaf and a CA that may sign it; the wildcard serves its tools', async (t) => {
  const folder = newFolder();
  const first = await open(folder);
  await first.close();
  const second = await open(folder, { domain: 'knot.test', isKnownHost: () => false });
  const edge = await serve(second);
  t.teardown(async () => {
    edge.close();
    await second.close();
  });
  const ca = second.caPem() ?? '';
  t.not(ca, first.caPem(), 'the constraints of the old CA would refuse every name');
  for (const servername of ['knot.test', 'jupyterhub.knot.test'])
    t.match(await handshake(edge.port, { ca, servername }), { ok: true });
  for (const servername of ['localhost', 'a.b.knot.test'])
    t.match(await handshake(edge.port, { ca, servername }), { ok: false });
});

t.test('a domain for services is in the leaf and in the constraints of the CA', async (t) => {
  const folder = newFolder();
  const first = await open(folder);
  await first.close();
  const certificates = await open(folder, { appsDomain: 'apps.test', isKnownHost: () => false });
  const edge = await serve(certificates);
  t.teardown(async () => {
    edge.close();
    await certificates.close();
  });
  const ca = certificates.caPem() ?? '';
  t.not(ca, first.caPem(), 'the constraints of the old CA would refuse the name');
  // A wildcard is accepted below two labels, so that no name is looked up and no leaf made for one.
  for (const servername of ['localhost', 'apps.test', 'web-ann.apps.test'])
    t.match(await handshake(edge.port, { ca, servername }), { ok: true }, servername);
  for (const servername of ['a.b.apps.test', 'other.test', 'test', 'evilapps.test', 'unknown.localhost'])
    t.match(await handshake(edge.port, { ca, servername }), { ok: false }, servername);
  const caFile = certificates.caFile() ?? '';
  const text = execFileSync('openssl', ['x509', '-in', caFile, '-noout', '-text'], { encoding: 'utf8' });
  t.match(text, /Name Constraints: critical\s+Permitted:\s+DNS:localhost\s+DNS:apps\.test/);

  const again = await open(folder, { appsDomain: 'apps.test' });
  t.equal(again.caPem(), ca, 'the next start keeps it');
  await again.close();
});

t.test('damaged files are made anew', async (t) => {
  const folder = newFolder();
  const first = await open(folder);
  await first.close();
  writeFileSync(join(folder, 'tls', 'leaf.pem'), first.current().cert.slice(0, 300));
  const second = await open(folder);
  await second.close();
  t.equal(second.caPem(), first.caPem());
  t.not(second.current().cert, first.current().cert);
  writeFileSync(join(folder, 'tls', 'ca.key'), newKey());
  const third = await open(folder);
  await third.close();
  t.not(third.caPem(), first.caPem(), 'a CA whose key is not its own cannot be used');
});
