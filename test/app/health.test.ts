import t from 'tap';
import { siteHealth } from '../../gateway/app/health.ts';

t.test('a domain of services that may be one site with Knot is a warning for as long as it is set', async (t) => {
  t.strictSame(siteHealth({ domain: 'knot.example.org' }), []);
  t.strictSame(siteHealth({ domain: 'knot.example.org', appsDomain: 'example-apps.org' }), []);
  t.match(siteHealth({ domain: 'knot.example.org', appsDomain: 'apps.example.org' }), [
    {
      name: 'apps-domain',
      status: 'warning',
      message: /apps\.example\.org and knot\.example\.org/,
      remedy: /registered apart/,
    },
  ]);
});
