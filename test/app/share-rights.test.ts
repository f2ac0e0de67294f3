import t from 'tap';
import { noteUsesOfServices } from '../../gateway/app/share-rights.ts';
import { createManualClock } from '../../gateway/lib/index.ts';
import { guestOf } from '../../gateway/shares/index.ts';

t.test('who goes on using a service is noted now and then, each session by itself', async (t) => {
  const clock = createManualClock();
  const noted: object[] = [];
  const changed = new Set<(...told: never[]) => void>();
  const shares = {
    noteUse: (_: unknown, thing: object, user: object) => void noted.push({ ...thing, ...user }),
    onChange: (listener: (...told: never[]) => void) => (changed.add(listener), () => undefined),
  };
  const note = noteUsesOfServices(shares, clock);
  const come = (id: string, principal: object) =>
    note({ session: { id }, principal } as Parameters<typeof note>[0], 's', '192.0.2.1');
  const bob = { id: 'bob-id', username: 'bob', state: 'active' };
  come('1', bob);
  come('1', bob);
  t.strictSame(noted, [{ kind: 'service', id: 's', path: '', who: 'bob-id', name: 'bob', address: '192.0.2.1' }]);
  come('guest:g:b', guestOf({ id: 'g' }));
  t.match(noted[1], { who: 'guest:b', name: 'guest' });
  come('2', bob);
  t.equal(noted.length, 3, 'the same person from elsewhere');
  clock.advance(30_000);
  come('1', bob);
  t.equal(noted.length, 4);
  clock.advance(-90_000);
  come('1', bob);
  t.equal(noted.length, 5, 'where the clock was set back');
  for (const tell of changed) tell();
  come('1', bob);
  t.equal(noted.length, 6, 'by another share, it may be');
});
