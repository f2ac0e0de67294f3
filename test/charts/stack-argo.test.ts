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
