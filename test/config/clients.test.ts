import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { loadConfig } from '../../gateway/config/index.ts';
import type { KnotError } from '../../gateway/lib/index.ts';

const client = { clientId: 'a', redirectUris: ['https://a.example/cb'], secret: { fromEnv: 'CLIENT_SECRET' } };

/** Loads a configuration with one client; what is wrong with it, by path, and what is only worth a warning. */
function check(test: Test, changes: object, secret = 'a-good-secret') {
  const folder = mkdtempSync(join(tmpdir(), 'knot-config-'));
  test.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'knot.yaml'), stringify({ oidc: { clients: [{ ...client, ...changes }] } }));
  try {
    const { config, warnings } = loadConfig({}, { CLIENT_SECRET: secret }, folder);
    return { problems: [] as string[], warnings: warnings.map(({ path }) => path), client: config.oidc.clients[0]! };
  } catch (error) {
    const { problems } = (error as KnotError).details as { problems: { path: string; message: string }[] };
    t.notMatch(JSON.stringify(problems), /pass\u00e9|line\\nbreak/, 'a secret is never printed');
    return { problems: problems.map(({ path }) => path.replace('oidc.clients[0].', '')), warnings: [] };
  }
}

t.test('a client takes its logout address and its algorithm from the configuration', (t) => {
  const found = check(t, { backchannelLogoutUri: 'http://10.0.0.7:8080/logout', idTokenSignedResponseAlg: 'ES256' });
  t.match(found.client, { backchannelLogoutUri: 'http://10.0.0.7:8080/logout', idTokenSignedResponseAlg: 'ES256' });
  t.match(check(t, {}).client, { backchannelLogoutUri: undefined, idTokenSignedResponseAlg: 'RS256' });
  t.same(check(t, { idTokenSignedResponseAlg: 'HS256' }).problems, ['idTokenSignedResponseAlg']);
  t.same(check(t, { idTokenSignedResponseAlg: 'none' }).problems, ['idTokenSignedResponseAlg']);
  t.end();
});

t.test('what the provider would refuse at start is refused by the check, all of it at once', (t) => {
  const found = check(t, {
    redirectUris: ['https://a.example/cb', 'http://a.example/cb', 'https://a.example/*', 'https://a.example/\\n'],
    postLogoutRedirectUris: ['/relative', 'https://u:p@a.example/'],
    backchannelLogoutUri: 'ftp://a.example/',
  });
  t.same(found.problems, [
    'redirectUris[1]',
    'redirectUris[2]',
    'redirectUris[3]',
    'postLogoutRedirectUris[0]',
    'postLogoutRedirectUris[1]',
    'backchannelLogoutUri',
  ]);
  const asPublic = { public: true, secret: undefined };
  t.same(check(t, { ...asPublic, backchannelLogoutUri: 'http://a.example/' }).problems, ['backchannelLogoutUri']);
  t.same(check(t, { ...asPublic, redirectUris: ['org.example.app:/cb', 'http://localhost:8000'] }).problems, []);
  t.end();
});

t.test('a secret that cannot be sent is refused, one that must be encoded is told', (t) => {
  for (const secret of ['passé-with-accent', 'tab\tinside', 'line\nbreak', '😀'.repeat(8), '\u0000']) {
    t.same(check(t, {}, secret).problems, ['secret'], JSON.stringify(secret));
  }
  for (const secret of ['50%off', 'a+b', '%41']) {
    t.same(check(t, {}, secret).warnings, ['oidc.clients[0].secret'], secret);
  }
  for (const secret of ['plain-secret_1.2~', 'with:colon/and=equals&more', 'with space']) {
    t.match(check(t, {}, secret), { problems: [], warnings: [] }, secret);
  }
  t.end();
});
