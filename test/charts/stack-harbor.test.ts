import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { publicAddress } from '../../gateway/config/index.ts';
import { createHarbor } from '../../gateway/integrations/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';

const stack = join(import.meta.dirname, '../../charts/stack/harbor');
const read = (name: string) => parse(readFileSync(join(stack, name), 'utf8'));

t.test(
  'values for Harbor: the address that Knot serves, no way past Knot, and nothing that Knot could not put right',
  async (t) => {
    const values = read('values.yaml');
    const harbor = createHarbor({
      ...{
        publicAddress: publicAddress({ domain: 'knot.example.org' }, 443),
        clientSecret: () => 'client-secret-0123456789',
      },
      ...{ caFile: undefined, clock: systemClock, log: silentLog, secrets: {} },
      config: { title: 'Images' },
      upstream: parseUpstream('http://harbor.harbor'),
    });
    t.teardown(() => harbor.stop());
    t.equal(`${values.externalURL}/`, harbor.url);
    t.match(values.expose, { type: 'clusterIP', tls: { enabled: false }, clusterIP: { name: 'harbor' } });
    t.notOk(values.core?.configureUserSettings);
    t.equal(values.harborAdminPassword, undefined, 'no password stands in a file');
    const { spec } = read('network-policy.yaml');
    t.same(spec.policyTypes, ['Ingress']);
    t.ok(spec.ingress[0].from.every((peer: object) => Object.keys(peer).length > 0));

    const printed = harbor.settings();
    const pasted = JSON.parse(/^\{[^]*?^\}/m.exec(printed)![0]);
    t.match(pasted, {
      auth_mode: 'oidc_auth',
      oidc_endpoint: 'https://knot.example.org/oidc',
      oidc_client_id: harbor.client!.clientId,
      oidc_client_secret: harbor.client!.secret,
      oidc_scope: /offline_access/,
      oidc_verify_cert: true,
    });
    t.same(harbor.client!.redirectUris, ['https://harbor.knot.example.org/c/oidc/callback']);
  },
);
