import t from 'tap';
import { createFixture, password } from './fixture.ts';

const words = 'knot user setup-link';

t.test('before there is an administrator the sign-in page says how to make one', async (t) => {
  const { get, post, addUser, addAdmin } = await createFixture(t, { signUp: 'open' });
  const page = await get('/login');
  t.match(page.body, 'This Knot is not set up');
  t.match(page.body, words);
  t.notMatch(page.body, 'Create an account');
  await addUser('ann');
  t.equal((await post('/login', { username: 'ann', password })).status, 303, 'an account of the command line gets in');

  await addAdmin();
  const after = await get('/login');
  t.notMatch(after.body, words);
  t.match(after.body, 'Create an account');
});

t.test('and sign-up waits until then', async (t) => {
  const { get, post, addAdmin, accounts } = await createFixture(t, { signUp: 'open' });
  const form = { username: 'carla', email: 'carla@example.org', password };
  for (const answer of [await get('/signup'), await post('/signup', form)]) {
    t.equal(answer.status, 503);
    t.match(answer.body, words);
  }
  t.equal(await accounts.findUserByName('carla'), undefined);
  await addAdmin();
  t.equal((await get('/signup')).status, 200);
  t.equal((await post('/signup', form)).status, 303);
});
