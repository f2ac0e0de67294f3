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
    t.equal(claimedBy(authorization), name, authorization.slice(0, 60));
});
