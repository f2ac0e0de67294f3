/** Tools that take every request and never answer: what is Knot's own does not wait for them. */
import t from 'tap';
import type { Health } from '../../gateway/api/contract.ts';
import { eventually } from '../support/eventually.ts';
import { password } from '../support/process/people.ts';
import { openToolsAway, toolsAway } from '../support/process/tools-away.ts';

const { ann, stranger, asked } = await openToolsAway(t, ['bob']);

t.test("Home's questions and sign-in are answered while a question to a tool still waits", async (t) => {
  let hasWaited = false;
  // Harbor is asked for it: it ends when Knot gives up.
  const images = ann.api('GET', '/images').finally(() => (hasWaited = true));
  t.teardown(() => images);
  const bob = stranger();
  const [signIn, me, tiles, health, services] = await Promise.all([
    stranger().visit('/login'),
    ann.api('GET', '/me'),
    ann.api('GET', '/tiles'),
    ann.api('GET', '/health'),
    ann.api('GET', '/services'),
    bob.signIn('bob', password),
  ]);
  t.notOk(hasWaited, 'the question to the tool is not answered yet');
  for (const answer of [signIn, me, tiles, health, services]) t.equal(answer.status, 200, answer.url);
  t.equal((await bob.api('GET', '/me')).status, 200, 'bob is signed in');
  const names = tiles.json<{ tiles: { name: string }[] }>().tiles.map(({ name }) => name);
  t.strictSame([...names].sort(), [...toolsAway].sort());
  t.ok(asked() > 0, 'the tools were asked');
});

t.test(
  'what Knot could not set up in a tool is among the parts of Health, beside whether the tool answers',
  async (t) => {
    const wanted = ['harbor', 'harbor:sign-in', 'grafana', 'grafana:content'];
    let components: Health['components'] = [];
    const failed = () => components.filter(({ status }) => status === 'failed').map(({ name }) => name);
    await eventually(
      () => `${wanted.join()}; failed: ${failed().join()}`,
      async () => {
        ({ components } = (await ann.api('GET', '/health')).json<Health>());
        return wanted.every((name) => failed().includes(name));
      },
    );
    for (const name of wanted) {
      const found = components.filter((component) => component.name === name);
      t.match(found, [{ remedy: /\w/ }], `${name} once, with what to do`);
      t.notMatch(found[0]!.message, /127\.0\.0\.1/);
    }
  },
);
