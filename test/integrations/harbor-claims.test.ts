import t from 'tap';
import { claimedBy } from '../../gateway/integrations/harbor/claimed-by.ts';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const token = (claims: unknown): string =>
  `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

t.test('whose a password or a token of the registry is', async (t) => {
  for (const [authorization, name] of [
    [basic('ada:secret'), 'ada'],
    [basic('ada:with:colons'), 'ada'],
    [basic('ada:').replace('Basic ', 'basic   '), 'ada'],
    [basic('robot$ada+knot-0:secret'), 'ada'],
    [basic('bot$physics+ci:secret'), 'physics'],
    [basic('robot$ci:secret'), 'robot$ci'],
    [basic('nobody'), undefined],
    [token({ sub: 'ada' }), 'ada'],
    [token({ sub: 'robot$ada+knot-1' }), 'ada'],
    [token({ sub: '0e8f', preferred_username: 'ada' }), 'ada'],
    [token({ sub: '' }), undefined],
    [token({ sub: 5 }), undefined],
    [token(null), undefined],
    [token([]), undefined],
    ['Bearer e30.!!.c2ln', undefined],
    ['Bearer short', undefined],
    ['', undefined],
    [`Basic ${'A'.repeat(50_000)}`, undefined],
  ] as const)
    t.equal(claimedBy(authorization, 'robot$'), name, authorization.slice(0, 60));
});

t.test('whatever the installation puts before the names of its robots', async (t) => {
  for (const [prefix, name, owner] of [
    ['bot_', 'bot_ada+knot-0', 'ada'],
    ['bot', 'botada+knot-0', 'ada'],
    ['', 'ada+knot-0', 'ada'],
    ['a$b$', 'a$b$ada+knot-0', 'ada'],
    // Seen before it was changed.
    ['bot_', 'robot$ada+knot-0', 'ada'],
    ['bot_', 'bot_ci', 'bot_ci'],
    ['bot_', 'bot_', 'bot_'],
    ['bot', 'botany', 'botany'],
    ['bot_', 'bot_../x+y', 'bot_../x+y'],
  ] as const) {
    t.equal(claimedBy(basic(`${name}:secret`), prefix), owner, name);
    t.equal(claimedBy(token({ sub: name }), prefix), owner, `${name}: token`);
  }
});
