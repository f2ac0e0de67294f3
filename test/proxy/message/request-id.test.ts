import t from 'tap';
import { nextRequestId } from '../../../gateway/proxy/message/request-id.ts';

t.test('no two requests have one id, whichever of several gateways they came to', async (t) => {
  const gateways = [nextRequestId];
  for (const name of ['second', 'third']) {
    const other = (await import(`../../../gateway/proxy/message/request-id.ts?${name}`)) as {
      nextRequestId(): string;
    };
    gateways.push(other.nextRequestId);
  }
  const ids = gateways.flatMap((next) => [next(), next(), next()]);
  t.equal(new Set(ids).size, ids.length, ids.join(' '));
  for (const id of ids) t.match(id, /^[0-9a-z]{1,8}-[0-9a-z]+$/);
});
