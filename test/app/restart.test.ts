import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { stopForRestart } from '../../gateway/app/index.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { makeAuthority, makeLeaf, newKey } from '../../gateway/tls/issue.ts';

t.test('a certificate that cannot serve the new names stops no gateway that runs', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-restart-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const authority = await makeAuthority({ domain: 'knot.test' }, Date.now());
  const names = ['knot.test', '*.knot.test'].map((value) => ({ type: 'dns' as const, value }));
  const { cert, key } = await makeLeaf(authority, newKey(), names, Date.now());
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);

  async function restart(settings: object): Promise<{ isStopped: boolean; refusal: string | undefined }> {
    const file = join(folder, 'knot.yaml');
    writeFileSync(file, stringify({ domain: 'knot.test', data: folder, ...settings }));
    let refusal: string | undefined;
    let isClosed = false;
    const app = {
      log: silentLog,
      people: () => [],
      endsOnRestart: () => undefined,
      refuseRestart: (reason: string) => void (refusal = reason),
      close: async () => void (isClosed = true),
    };
    const describe = (error: unknown): string => (error as Error).message;
    const isStopped = await stopForRestart(app as never, { settings: { config: file }, dataFolder: folder, describe });
    t.equal(isClosed, isStopped);
    return { isStopped, refusal };
  }

  const tls = { cert: 'tls.crt', key: 'tls.key' };
  t.match(await restart({ tls, appsDomain: 'apps.test' }), { isStopped: false, refusal: /but not \*\.apps\.test/ });
  t.match(await restart({ tls, domain: 'other.test' }), { isStopped: false, refusal: /but not other\.test/ });
  t.match(await restart({ tls: { ...tls, key: 'gone.key' } }), {
    isStopped: false,
    refusal: /gone\.key cannot be read/,
  });
  t.strictSame(await restart({ tls }), { isStopped: true, refusal: undefined });
  // Knot's own authority makes what is needed.
  t.strictSame(await restart({ appsDomain: 'apps.test' }), { isStopped: true, refusal: undefined });
});
