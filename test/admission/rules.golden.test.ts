import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseAllDocuments, stringify } from 'yaml';
import { policiesOf, type RuleSettings } from '../../gateway/admission/index.ts';

const settings: RuleSettings = {
  gatewayNamespace: 'knot',
  servicesDomain: 'apps.example.org',
  csiDrivers: [],
  ephemeralContainers: false,
};

t.test('the rules are as they stand in the golden file (GOLDEN=write writes it)', async (t) => {
  const file = join(import.meta.dirname, 'rules.golden.yaml');
  const objects = policiesOf(settings).flatMap(({ policy, binding }) => [policy, binding]);
  if (process.env['GOLDEN'] === 'write')
    writeFileSync(file, objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'));
  t.strictSame(
    objects,
    parseAllDocuments(readFileSync(file, 'utf8')).map((document): unknown => document.toJS()),
  );
});

t.test(
  'every rule of owners leaves the system and the gateway alone, refuses what it cannot judge, and is in force',
  async (t) => {
    for (const { policy, binding } of policiesOf(settings)) {
      const spec = policy['spec'] as {
        failurePolicy: string;
        matchConstraints: { namespaceSelector?: { matchExpressions: { key: string; values?: string[] }[] } };
      };
      const { name } = policy.metadata;
      t.equal(spec.failurePolicy, 'Fail', name);
      t.match(binding['spec'], { policyName: name, validationActions: ['Deny'] }, name);
      if (name === 'knot-namespaces') continue;
      const excluded = spec.matchConstraints.namespaceSelector!.matchExpressions.flatMap(({ values }) => values ?? []);
      for (const namespace of ['kube-system', 'knot', 'default']) t.ok(excluded.includes(namespace), name);
    }
  },
);

t.test('what an installation decides is in them', async (t) => {
  const with_ = (changes: Partial<RuleSettings>) => {
    const found = policiesOf({ ...settings, ...changes });
    return { names: found.map(({ policy }) => policy.metadata.name), text: JSON.stringify(found) };
  };
  t.notOk(with_({ ephemeralContainers: true }).names.includes('knot-ephemeral-containers'));
  t.ok(with_({ csiDrivers: ['secrets-store.csi.k8s.io'] }).text.includes("'secrets-store.csi.k8s.io'"));
  t.ok(with_({ csiDrivers: ["it's"] }).text.includes("it\\\\'s"), 'a quote does not end the text in CEL');
  t.ok(with_({ gatewayNamespace: 'platform' }).text.includes('"platform"'));
});

t.test('the chart lets the gateway change exactly these', async (t) => {
  const template = readFileSync(join(import.meta.dirname, '../../charts/knot/templates/rbac-gateway.yaml'), 'utf8');
  const [, list = ''] = /resourceNames:\n((?: +- knot-\S+\n)+) +verbs: \[patch, delete\]/.exec(template) ?? [];
  const named = [...list.matchAll(/- (\S+)/g)].map(([, name]) => name!);
  t.strictSame(
    named,
    policiesOf(settings)
      .map(({ policy }) => policy.metadata.name)
      .sort(),
  );
});
