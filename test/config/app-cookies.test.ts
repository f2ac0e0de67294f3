import t from 'tap';
import { loadConfig } from '../../gateway/config/index.ts';
import type { KnotError } from '../../gateway/lib/index.ts';

/** What is said of cookies in which an application keeps a sign-in of its own. */
function said(t: { testdir(files: Record<string, string>): string }, settings: string): string[] {
  const app = `{name: git, upstream: "http://a:1", ${settings}}`;
  const ofApps = (found: readonly { path: string; message: string }[]) =>
    found.map(({ path, message }) => `${path} ${message}`).filter((line) => line.startsWith('apps'));
  try {
    return ofApps(loadConfig({}, {}, t.testdir({ 'knot.yaml': `apps: [${app}]` })).warnings);
  } catch (error) {
    return ofApps((error as KnotError).details!['problems'] as { path: string; message: string }[]);
  }
}

t.test('an application that signs people in itself is named until its cookie is', async (t) => {
  const oidc = 'kind: oidc, redirectPaths: [/back]';
  t.match(said(t, oidc), [/^apps\[0\]\.signInCookies is empty: what "git" keeps of a sign-in/]);
  t.strictSame(said(t, `${oidc}, signInCookies: [i_like_gitea]`), []);
  t.strictSame(said(t, `${oidc}, withheldCookies: [i_like_gitea]`), []);
  t.strictSame(said(t, 'signInCookies: [session]'), []);
  t.match(said(t, `${oidc}, signInCookies: ["a b"]`), [/signInCookies\[0\] must be the name of a cookie/]);
  t.match(said(t, 'kind: jwt, signInCookies: [a]'), [/signInCookies has no effect when kind is "jwt"/]);
});
