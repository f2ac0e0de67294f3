import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { argoSettings } from '../../gateway/integrations/argo/settings.ts';

const stack = join(import.meta.dirname, '../../charts/stack/argo');
const read = (name: string): string => readFileSync(join(stack, name), 'utf8');

t.test('the values are what `knot integrations show argo` prints', (t) => {
  const printed = argoSettings({
    origin: 'https://argo.knot.example.org',
    issuer: 'https://knot.example.org/oidc',
    caFile: undefined,
    namespace: 'argo',
    secret: undefined,
  });
  t.strictSame(parse(read('values.yaml')), parse(printed));
  t.end();
});

t.test('only Knot reaches the server', (t) => {
  const { spec } = parse(read('network-policy.yaml')) as { spec: { policyTypes: string[]; ingress: object[] } };
  t.strictSame(spec.policyTypes, ['Ingress']);
  t.match(JSON.stringify(spec.ingress), /"kubernetes.io\/metadata.name":"knot"/);
  t.equal(spec.ingress.length, 1);
  t.end();
});

t.test(
  'with `auth: sso` they sign people in at Knot, with a client, a login account without rights, and no other Secrets',
  (t) => {
    const facts = {
      ...{ origin: 'https://argo.knot.example.org', issuer: 'https://knot.example.org/oidc', caFile: '/ca.pem' },
      ...{ namespace: 'argo', secret: 'pa"ss: word' },
    };
    const values = parse(argoSettings({ ...facts, caPem: '-----BEGIN CERTIFICATE-----\nMII\n' })) as {
      server: { authModes: string[]; extraEnv: object[]; sso: { rootCA?: string; scopes: string[]; rbac: object } };
      extraObjects: { kind: string; metadata: { name: string }; stringData?: object }[];
    };
    t.strictSame(values.server.authModes, ['sso', 'client']);
    t.match(values.server.extraEnv, [{}, { name: 'SSO_DELEGATE_RBAC_TO_NAMESPACE', value: 'true' }]);
    t.match(values.server.sso, {
      ...{
        issuer: facts.issuer,
        redirectUrl: `${facts.origin}/oauth2/callback`,
        rootCA: /^-----BEGIN CERT.*-----\nMII\n$/,
      },
      scopes: ['profile', 'email'],
      rbac: { enabled: true },
    });
    const { secretWhitelist } = values.server.sso.rbac as { secretWhitelist: string[] };
    const made = values.extraObjects.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata.name);
    t.strictSame(secretWhitelist.toSorted(), ['sso', 'knot-argo-a', 'knot-argo-b', ...made].toSorted());
    t.match(values.extraObjects[0], { stringData: { 'client-id': 'argo', 'client-secret': facts.secret } });
    t.match(values.extraObjects[1], {
      kind: 'ServiceAccount',
      metadata: {
        name: 'knot-login',
        annotations: { 'workflows.argoproj.io/rbac-rule': 'true', 'workflows.argoproj.io/rbac-rule-precedence': '0' },
      },
    });
    const without = argoSettings({ ...facts, caPem: undefined, caFile: undefined });
    t.notMatch(without, /rootCA/);
    t.end();
  },
);
