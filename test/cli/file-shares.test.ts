import t from 'tap';
import { asForm, formOf, openGuestHouse } from '../guests/house.ts';
import { createLaptop } from './elsewhere.ts';

/** Sharing from a terminal: on the gateway's machine, and from a laptop with a token. */
const house = await openGuestHouse(t);
const { gateway, bob, newGuest, put, makeFolder } = house;
await makeFolder('results');
await put('results/a.txt', 'hello');
const made = await bob.api('POST', '/tokens', { name: 'laptop', scopes: ['shares:write', 'files:read'] });
const laptop = createLaptop(t, {
  KNOT_URL: gateway.origin,
  KNOT_CA_FILE: gateway.caFile,
  KNOT_TOKEN: made.json<{ secret: string }>().secret,
});
const sides = {
  elsewhere: (...args: string[]) => laptop.knot('files', ...args),
  here: (...args: string[]) => gateway.knot(['files', ...args, '--as', 'bob']),
};

for (const [name, knot] of Object.entries(sides)) {
  t.test(`a link and a share are made, listed and ended: ${name}`, async (t) => {
    const link = await knot('share', 'private:/results', '--with', 'guest', '--right', 'view', '--for', '2d');
    t.match(link, { status: 0, stdout: /\/s\/[\w-]{43} {3}\(shown only now; until \d{4}-/ });
    const guest = newGuest();
    const [path = ''] = /\/s\/[\w-]{43}/.exec(link.stdout) ?? [];
    t.match(await guest.visit(path), { status: 200, text: /a\.txt/ });
    const withAnn = await knot('share', 'private:/results', '--with', 'user:ann', '--right', 'edit', '--json');
    const { id } = JSON.parse(withAnn.stdout) as { id: string };
    const list = await knot('shares');
    t.match(list.stdout, new RegExp(`${id} +private:/results +user:ann +edit +without an end +nobody`));
    t.notOk(list.stdout.includes(path.slice(3)));
    for (const one of (await knot('shares', '--json')).stdout.matchAll(/"id": "([^"]+)"/g))
      t.strictSame(JSON.parse((await knot('unshare', one[1]!, '--json')).stdout), { id: one[1] });
    t.match(await knot('unshare', id), { status: 1, stderr: /There is no such share/ });
    t.equal((await guest.visit(path)).status, 410);
    if (name === 'elsewhere') return;
    for (const [args, status] of [
      [['share', 'private:/none', '--with', 'guest', '--right', 'view', '--for', '1d'], 1],
      [['share', 'private:/results', '--with', 'guest', '--right', 'edit', '--for', '1d'], 1],
      [['share', 'private:/results', '--with', 'guest', '--right', 'view', '--for', 'ever'], 2],
    ] as const)
      t.equal((await knot(...args)).status, status, args.join(' '));
  });
}

t.test('what a command on the machine moves or deletes ends its shares, as it does on the page', async (t) => {
  for (const act of [
    ['mv', 'private:/box', 'private:/moved'],
    ['rm', 'private:/box'],
  ]) {
    await makeFolder('box');
    const { url, page } = await house.link('box', { right: 'upload' });
    const guest = newGuest();
    await guest.visit(url);
    t.match(await sides.here(...act), { status: 0 }, act.join(' '));
    await makeFolder('box');
    const sent = await guest.request('POST', page, { headers: asForm(gateway), body: formOf({ x: 'x' }) });
    t.match({ status: sent.status, json: sent.json() }, { status: 410, json: { code: 'KNOT_GUESTS_ENDED' } });
    await bob.api('DELETE', '/files/private/box');
  }
});
