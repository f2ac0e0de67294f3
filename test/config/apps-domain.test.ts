import t from 'tap';
import { hostBelowApps, mayShareSite, publicAddress } from '../../gateway/config/index.ts';

t.test('a service is below appsDomain where there is one, and everything else below domain', async (t) => {
  const one = publicAddress({ domain: 'knot.test' }, 8443);
  t.equal(one.hostOfService('web-ann'), 'web-ann.knot.test');
  const two = publicAddress({ domain: 'knot.test', appsDomain: 'apps.test' }, 8443);
  t.equal(two.hostOfService('web-ann'), 'web-ann.apps.test');
  t.equal(two.hostOf('jupyterhub'), 'jupyterhub.knot.test');
  t.equal(two.originOf(two.hostOfService('web-ann')), 'https://web-ann.apps.test:8443');
  t.equal(two.origin, 'https://knot.test:8443');
});

t.test('an old address of a service leads to the one of the same label, and no other host does', async (t) => {
  const names = { domain: 'knot.test', appsDomain: 'apps.test' };
  t.equal(hostBelowApps(names, 'web-ann.knot.test'), 'web-ann.apps.test');
  for (const host of ['knot.test', 'evilknot.test', 'web-ann.apps.test', 'web-ann.knot.test.evil', 'apps.test'])
    t.equal(hostBelowApps(names, host), undefined, host);
  t.equal(hostBelowApps({ domain: 'knot.test' }, 'web-ann.knot.test'), undefined);
});

t.test('names that may belong to one registered name are told from those that surely do not', async (t) => {
  const rows: [domain: string, appsDomain: string | undefined, mayShare: boolean][] = [
    ['knot.example.org', undefined, false],
    ['knot.example.org', 'apps.example.org', true],
    ['knot.example.co.uk', 'apps.example.co.uk', true],
    // Only a list of public suffixes could tell that these are two.
    ['knot.co.uk', 'knot-apps.co.uk', true],
    ['example.org', 'example-apps.org', false],
    ['knot.example.org', 'knot.example-apps.org', false],
    ['localhost', 'apps.test', false],
    ['localhost', 'apps', false],
  ];
  for (const [domain, appsDomain, mayShare] of rows)
    t.equal(
      mayShareSite({ domain, ...(appsDomain !== undefined && { appsDomain }) }),
      mayShare,
      `${domain} ${appsDomain}`,
    );
});
