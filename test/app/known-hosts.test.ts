import t from 'tap';
import { knownHosts } from '../../gateway/app/known-hosts.ts';

t.test('a certificate is made for hosts of routes and for old addresses of services, and for no others', async (t) => {
  const hosts = ['jupyterhub.localhost', 'lab-ann.apps.test'];
  const routes = { find: (host: string) => (hosts.includes(host) ? ({ host } as never) : undefined) };
  const isKnown = knownHosts({ domain: 'localhost', appsDomain: 'apps.test' }, routes);
  t.ok(isKnown('jupyterhub.localhost'));
  t.ok(isKnown('lab-ann.apps.test'));
  t.ok(isKnown('lab-ann.localhost'), 'where it was before');
  t.notOk(isKnown('lab-bob.localhost'), 'anybody can ask for any name');
  t.notOk(knownHosts({ domain: 'localhost' }, routes)('lab-ann.localhost'));
});
