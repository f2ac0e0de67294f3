import t from 'tap';
import { silentLog, type Standing } from '../../gateway/lib/index.ts';
import type { Share } from '../../gateway/shares/share.ts';
import { createStanding } from '../../gateway/shares/standing.ts';
import { eventually } from '../support/eventually.ts';

const thing = { kind: 'files', id: 'private/ann', path: 'results' };

/** One share, what stands there (`look`), and what was done about it; what is to be kept waits for `write`. */
function given(look: Standing) {
  const state = { look, share: { id: 's1', thing, mark: null } as Share | undefined, done: [] as string[] };
  let write: () => void = () => undefined;
  const standing = createStanding({
    shares: () => (state.share ? [state.share] : []),
    find: (id) => (id === state.share?.id ? state.share : undefined),
    async end({ id }) {
      state.done.push(`end ${id}`);
      state.share = undefined;
    },
    async remember(share, mark) {
      state.share = { ...share, mark };
      await new Promise<void>((resolve) => (write = resolve));
      state.done.push(`remember ${mark}`);
    },
    log: silentLog,
  });
  standing.lookBy(() => state.look);
  return { state, standing, write: () => write() };
}

t.test('what comes while something is noted of the same share is looked at right after it', async (t) => {
  const { state, standing, write } = given({ state: 'same', mark: 'first' });
  t.teardown(() => standing.stop());
  t.ok(standing.isThere(state.share!));
  await eventually('it is being written down', () => state.share?.mark === 'first');
  state.look = { state: 'other', mark: 'first' };
  t.notOk(standing.isThere(state.share!), 'nobody is let in');
  t.notOk(standing.isThere(state.share!));
  t.same(state.done, [], 'not both at once');
  write();
  await eventually('and nobody has to look again', () => state.done.length === 2);
  t.same(state.done, ['remember first', 'end s1'], 'once, although two looked');
});

t.test('what is as it was again by then does not end', async (t) => {
  const { state, standing, write } = given({ state: 'same', mark: 'first' });
  t.teardown(() => standing.stop());
  standing.isThere(state.share!);
  await eventually('it is being written down', () => state.share?.mark === 'first');
  let looks = 0;
  state.look = { state: 'other', mark: 'first' };
  standing.isThere(state.share!);
  standing.lookBy(() => ((looks += 1), { state: 'same', mark: 'first' }));
  write();
  await eventually('it was looked at again', () => looks === 1);
  t.same(state.done, ['remember first']);
});
