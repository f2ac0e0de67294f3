import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { describeIntegration } from '../../gateway/app/integrations.ts';
import { loadConfig } from '../../gateway/config/index.ts';

/** A configuration with a data folder that nobody has made yet. */
function configOf(test: Pick<typeof t, 'teardown'>, jupyterhub: object) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-describe-'));
  test.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'knot.yaml');
  const data = join(folder, 'data');
  writeFileSync(file, JSON.stringify({ data, integrations: { jupyterhub } }));
  return { config: loadConfig({ config: file }, {}).config, data };
}

t.test('what belongs into a tool is told without starting, probing or writing anything', async (t) => {
  const external = { mode: 'external', upstream: 'https://hub.example.org' };
  const managed = configOf(t, { mode: 'managed' });
  t.match(describeIntegration(managed.config, 'jupyterhub'), /nothing to paste/);
  t.notOk(existsSync(managed.data), 'the data folder of a managed hub is not made');

  const before = configOf(t, external);
  t.throws(() => describeIntegration(before.config, 'jupyterhub'), {
    code: 'KNOT_INTEGRATIONS_NO_SECRET',
    remedy: /Start Knot once/,
  });
  t.notOk(existsSync(before.data), 'no secret is made by who only asks');

  mkdirSync(join(before.data, 'jupyterhub'), { recursive: true });
  writeFileSync(join(before.data, 'jupyterhub/client-secret'), 'made-at-the-first-start\n');
  t.match(describeIntegration(before.config, 'jupyterhub'), 'made-at-the-first-start');

  const secret = join(before.data, 'secret.txt');
  writeFileSync(secret, 'given-by-the-operator\n');
  const given = configOf(t, { ...external, clientSecret: { fromFile: secret } });
  t.match(describeIntegration(given.config, 'jupyterhub'), 'given-by-the-operator');
  t.notOk(existsSync(given.data));
});

t.test('a tool that is off or unknown has nothing to tell', async (t) => {
  t.equal(describeIntegration(configOf(t, { mode: 'off' }).config, 'jupyterhub'), undefined);
  t.equal(describeIntegration(configOf(t, { mode: 'managed' }).config, 'grafana'), undefined);
});
