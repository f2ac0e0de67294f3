import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import t from 'tap';
import { type Log, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createCertificates } from '../../gateway/tls/index.ts';
import { makeAuthority, makeLeaf, newKey, type Pair } from '../../gateway/tls/issue.ts';
import { newFolder, presented, serve } from './fixture.ts';
import { eventually } from '../support/eventually.ts';

const dayMs = 24 * 3600 * 1000;
const authority = await makeAuthority({ domain: 'knot.test', appsDomain: 'apps.test' }, Date.now());

const leaf = (names = ['knot.test', '*.knot.test'], atMs = Date.now()): Promise<Pair> =>
  makeLeaf(
    authority,
    newKey(),
    names.map((value) => ({ type: 'dns' as const, value })),
    atMs,
  );

function write(folder: string, pair: Partial<Pair>): { cert: string; key: string } {
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  if (pair.cert !== undefined) writeFileSync(files.cert, pair.cert);
  if (pair.key !== undefined) writeFileSync(files.key, pair.key);
  return files;
}

function open(
  config: { cert?: string; key?: string },
  log: Log = silentLog,
  domain = 'knot.test',
  appsDomain?: string,
) {
  return createCertificates({
    isKnownHost: () => false,
    config,
    domain,
    appsDomain,
    dataFolder: '/nonexistent',
    clock: systemClock,
    log,
  });
}

t.test('files that cannot serve the domain are refused at start, with file, problem and cure', async (t) => {
  const good = await leaf();
  const cases: [string, Partial<Pair>, string, RegExp][] = [
    ['no certificate file', { key: good.key }, 'KNOT_TLS_FILE_UNREADABLE', /tls\.crt/],
    ['no key file', { cert: good.cert }, 'KNOT_TLS_FILE_UNREADABLE', /tls\.key/],
    ['garbage as certificate', { ...good, cert: 'garbage' }, 'KNOT_TLS_CERTIFICATE_INVALID', /tls\.crt/],
    ['an empty certificate', { ...good, cert: '' }, 'KNOT_TLS_CERTIFICATE_INVALID', /tls\.crt/],
    [
      'a damaged certificate',
      { ...good, cert: good.cert.replace(/\n..../, '\nAAAA') },
      'KNOT_TLS_CERTIFICATE_INVALID',
      /tls\.crt/,
    ],
    ['half a certificate', { ...good, cert: good.cert.slice(0, 200) }, 'KNOT_TLS_CERTIFICATE_INVALID', /tls\.crt/],
    ['garbage as key', { ...good, key: 'garbage' }, 'KNOT_TLS_KEY_INVALID', /tls\.key/],
    ['the key of another', { ...good, key: newKey() }, 'KNOT_TLS_MISMATCH', /tls\.key.*tls\.crt/],
    ['an expired certificate', await leaf(undefined, Date.now() - 100 * dayMs), 'KNOT_TLS_EXPIRED', /expired on/],
    ['one of the future', await leaf(undefined, Date.now() + 10 * dayMs), 'KNOT_TLS_EXPIRED', /valid only from/],
    ['no wildcard', await leaf(['knot.test']), 'KNOT_TLS_NAME_MISSING', /\*\.knot\.test/],
    ['only the wildcard', await leaf(['*.knot.test']), 'KNOT_TLS_NAME_MISSING', /not knot\.test/],
    ['another domain', await leaf(['other.test', '*.other.test']), 'KNOT_TLS_NAME_MISSING', /other\.test/],
  ];
  for (const [title, pair, code, message] of cases) {
    await t.rejects(open(write(newFolder(), pair)), { code, message, remedy: /./ }, title);
  }
  const { cert, key } = write(newFolder(), good);
  await t.rejects(open({ cert }), { code: 'KNOT_TLS_INCOMPLETE', message: /tls\.key is not/ });
  await t.rejects(open({ key }), { code: 'KNOT_TLS_INCOMPLETE', message: /tls\.cert is not/ });
});

t.test(
  'with a domain for services the certificate must cover the names below it, and need not cover itself',
  async (t) => {
    const withApps = (pair: Pair, appsDomain = 'apps.test') =>
      open(write(newFolder(), pair), silentLog, 'knot.test', appsDomain);
    await t.rejects(withApps(await leaf()), {
      code: 'KNOT_TLS_NAME_MISSING',
      message: /covers DNS:knot\.test, DNS:\*\.knot\.test, but not \*\.apps\.test\.$/,
      remedy: /knot\.test, \*\.knot\.test and \*\.apps\.test/,
    });
    await t.rejects(withApps(await leaf(['knot.test', 'apps.test'])), {
      message: /not \*\.knot\.test and \*\.apps\.test/,
    });
    const all = await leaf(['knot.test', '*.knot.test', '*.apps.test']);
    const certificates = await withApps(all);
    t.match(certificates.health(), { status: 'ok' });
    await certificates.close();
    const single = await withApps(all, 'apps');
    t.match(single.health(), { status: 'warning', message: /wildcard below apps/ });
    await single.close();
  },
);

t.test('a message never quotes the key', async (t) => {
  const pair = { ...(await leaf()), key: 'very secret text' };
  const error = await open(write(newFolder(), pair)).then(
    () => undefined,
    (reason: Error) => reason,
  );
  t.ok(error);
  t.notMatch(JSON.stringify(error) + error?.message, /very secret/);
});

t.test('a new valid pair is swapped in while connections stay open; a bad one is refused', async (t) => {
  const folder = newFolder();
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_fields, message) => void warnings.push(message) };
  const first = await leaf();
  const certificates = await open(write(folder, first), log);
  const edge = await serve(certificates);
  const held = connect({ port: edge.port, host: '127.0.0.1', ca: authority.cert, servername: 'a.knot.test' });
  t.teardown(async () => {
    held.destroy();
    edge.close();
    await certificates.close();
  });
  await once(held, 'secureConnect');
  const serial = async () => (await presented(edge.port, 'a.knot.test')).serialNumber;
  const firstSerial = await serial();

  write(folder, { cert: (await leaf()).cert });
  t.ok(
    await eventually('a certificate without its key', () => certificates.health().status === 'warning'),
    'a certificate without its key',
  );
  t.match(certificates.health(), { message: /does not belong/, remedy: /./ });
  t.equal(await serial(), firstSerial, 'the old pair is still shown');
  t.match(warnings, ['the changed certificate was refused; the old one stays in force']);

  const second = await leaf();
  write(folder, second);
  t.ok(await eventually('the second pair is in force', () => certificates.current().cert === second.cert));
  t.equal(certificates.health().status, 'ok');
  t.not(await serial(), firstSerial);
  t.not((await presented(edge.port)).serialNumber, firstSerial, 'also without a server name');
  held.write('still here');
  t.equal(String((await once(held, 'data'))[0]), 'still here');

  write(folder, await leaf(['knot.test', '*.knot.test'], Date.now() - 100 * dayMs));
  t.ok(await eventually('an expired pair', () => certificates.health().status === 'warning'), 'an expired pair');
  t.equal(certificates.current().cert, second.cert);
  rmSync(join(folder, 'tls.key'));
  t.ok(
    await eventually('a removed file', () => /cannot be read/.test(certificates.health().message)),
    'a removed file',
  );
  t.equal(certificates.current().cert, second.cert);
  write(folder, second);
  t.ok(
    await eventually('the old pair written again ends the warning', () => certificates.health().status === 'ok'),
    'the old pair written again ends the warning',
  );
});

t.test('a Kubernetes secret, changed by a swapped symlink, is noticed', async (t) => {
  const folder = newFolder();
  const version = (name: string, pair: Pair) => {
    mkdirSync(join(folder, name));
    write(join(folder, name), pair);
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  version('..2026_1', await leaf());
  for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('..data', file), join(folder, file));
  const certificates = await open({ cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') });
  t.teardown(() => certificates.close());
  for (const name of ['..2026_2', '..2026_3']) {
    const next = await leaf();
    version(name, next);
    t.ok(await eventually(name, () => certificates.current().cert === next.cert), name);
  }
  t.equal(certificates.health().status, 'ok');
});

t.test('a certificate near its end is told on the health page', async (t) => {
  const certificates = await open(write(newFolder(), await leaf(undefined, Date.now() - 80 * dayMs)));
  t.teardown(() => certificates.close());
  t.match(certificates.health(), {
    name: 'certificate',
    status: 'warning',
    message: /ends on \d+ [A-Z][a-z]+ 20\d\d\.$/,
    remedy: /Renew/,
  });
  t.equal(certificates.caPem(), undefined);
  t.equal(certificates.caFile(), undefined);
});

t.test('with files of a single-label domain the wildcard is not asked for, but the trouble is told', async (t) => {
  const own = await makeAuthority({ domain: 'localhost' }, Date.now());
  const pair = await makeLeaf(own, newKey(), [{ type: 'dns', value: 'localhost' }], Date.now());
  const certificates = await open(write(newFolder(), pair), silentLog, 'localhost');
  t.teardown(() => certificates.close());
  t.match(certificates.health(), { status: 'warning', message: /refuse a wildcard/ });
});
