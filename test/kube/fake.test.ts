import t from 'tap';
import { openFake } from '../support/kube/open.ts';
import { describeApiServer } from './api-server.ts';

t.test('the fake is an API server as far as Knot goes', async (t) => {
  describeApiServer(t, async (t) => (await openFake(t)).kube);
});
