import { join } from 'node:path';
import t from 'tap';
import { runKnot } from '../support/process/gateway.ts';

/** What makes a command slow to start: servers, the OpenID Provider, the policies (whose engine is loaded behind chokidar). */
const environment = {
  NODE_OPTIONS: `--import ${join(import.meta.dirname, '../support/process/loaded-packages.mjs')}`,
  KNOT_TEST_WATCHED: '/node_modules/(oidc-provider|fastify|undici|jose|pg|prom-client|@peculiar|chokidar)/',
};

t.test('a command that only talks to the store loads no server and no engine', async (t) => {
  const data = t.testdir({});
  for (const words of [
    ['user', 'list'],
    ['user', 'setup-link'],
    ['session', 'list'],
    ['routes', 'list'],
    ['audit', 'verify'],
    ['config', 'check'],
    ['version'],
  ]) {
    const { status, stderr } = await runKnot([...words, '--data', data], undefined, environment);
    t.equal(status, 0, `${words.join(' ')}: ${stderr.slice(0, 300)}`);
    const packages = [...stderr.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].map(([, name]) => name);
    t.strictSame([...new Set(packages)], [], `${words.join(' ')} loads none of them`);
  }
});

t.test('a command about a Knot elsewhere loads neither a database nor the configuration', async (t) => {
  const KNOT_TEST_WATCHED = '/node_modules/(kysely|typebox|pg)/';
  const asked = { ...environment, KNOT_TEST_WATCHED, XDG_CONFIG_HOME: t.testdir({}) };
  const { status, stderr } = await runKnot(['whoami'], undefined, asked);
  t.equal(status, 1);
  t.match(stderr, /KNOT_CLI_SIGNED_OUT/);
  t.notMatch(stderr, /loaded /);
  t.match(await runKnot(['user', 'list', '--data', t.testdir({})], undefined, asked), { stderr: /loaded .*kysely/ });
});

t.test('what does load one is seen by this test', async (t) => {
  const { stderr } = await runKnot(['policy', 'check', '--data', t.testdir({})], undefined, environment);
  t.match(stderr, /loaded .*chokidar/);
});
