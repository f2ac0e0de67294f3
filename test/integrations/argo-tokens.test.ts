import t from 'tap';
import { createAccountTokens } from '../../gateway/integrations/argo/account-tokens.ts';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';

const minute = 60_000;

function open() {
  const clock = createManualClock();
  const asked: string[] = [];
  let held: PromiseWithResolvers<void> | undefined;
  let fails = false;
  const tokens = createAccountTokens({
    clock,
    log: silentLog,
    async requestToken(namespace) {
      asked.push(namespace);
      await held?.promise;
      if (fails) throw new Error('the cluster is away');
      return { token: `${namespace} ${asked.length}`, lifeMs: 10 * minute };
    },
  });
  return {
    ...{ clock, asked, tokens },
    hold: () => (held = Promise.withResolvers()),
    fail: (now: boolean) => void (fails = now),
  };
}

t.test('each namespace has its own, asked for once however many want it', async (t) => {
  const { tokens, asked } = open();
  const [one, same, other] = await Promise.all([tokens.of('knot-ann'), tokens.of('knot-ann'), tokens.of('knot-bob')]);
  t.equal(one, same);
  t.not(one, other);
  t.equal(await tokens.of('knot-ann'), one);
  t.same(asked, ['knot-ann', 'knot-bob']);
});

t.test('it is renewed while the old one is good, and nobody waits for that', async (t) => {
  const { tokens, asked, clock, hold } = open();
  const first = await tokens.of('knot-ann');
  clock.advance(6 * minute);
  const held = hold();
  t.equal(await tokens.of('knot-ann'), first);
  t.equal(await tokens.of('knot-ann'), first);
  t.equal(asked.length, 2, 'once for both');
  held.resolve();
  await eventually('the new one', async () => (await tokens.of('knot-ann')) !== first);
});

t.test('while the cluster is away the old one serves as long as it is good, and no longer', async (t) => {
  const { tokens, clock, fail } = open();
  const first = await tokens.of('knot-ann');
  fail(true);
  clock.advance(7 * minute);
  t.equal(await tokens.of('knot-ann'), first);
  clock.advance(minute);
  await t.rejects(tokens.of('knot-ann'), /away/);
  fail(false);
  t.not(await tokens.of('knot-ann'), first);
});

t.test('one that was refused is not shown again', async (t) => {
  const { tokens } = open();
  const first = await tokens.of('knot-ann');
  tokens.forget('knot-ann');
  t.not(await tokens.of('knot-ann'), first);
});
