import t from 'tap';
import { authlibPython, startAuthlib } from './support/authlib.ts';
import { openHouse } from './support/house.ts';

type Claims = Record<string, unknown>;

const wiki = { clientId: 'wiki', secret: 'wiki-secret-0123456789', redirectUri: 'https://wiki.example/callback' };

const python = await authlibPython().catch((error: unknown) => {
  if (process.env['CI'] === 'true') throw error;
  return { missing: `Authlib cannot be installed here: ${String(error).split('\n')[0]}` };
});
const skip = typeof python === 'string' ? false : python.missing;

t.test(
  'Authlib signs in, verifies, refreshes, introspects and revokes as an independent relying party',
  { skip },
  async (t) => {
    const house = await openHouse(t, {
      configuredClients: [
        {
          clientId: wiki.clientId,
          name: 'Wiki',
          secret: wiki.secret,
          redirectUris: [wiki.redirectUri],
          firstParty: true,
        },
      ],
    });
    const ann = await house.person('ann', true);
    const browser = house.browser();
    const session = await house.signIn(browser, ann);
    const party = await startAuthlib(python as string, house.caFile, {
      issuer: house.issuer,
      client_id: wiki.clientId,
      client_secret: wiki.secret,
      redirect_uri: wiki.redirectUri,
      scope: 'openid profile email groups',
    });
    t.teardown(party.stop);
    const signIn = async () => {
      const { url } = await party.tell({ do: 'start' });
      const page = await browser.go(String(url), (address) => address.startsWith(wiki.redirectUri));
      return page.location!;
    };

    const callback = await signIn();
    const first = await party.tell({ do: 'finish', callback });
    t.match(first, {
      claims: {
        iss: house.issuer,
        sub: ann.id,
        aud: 'wiki',
        preferred_username: 'ann',
        email: 'ann@example.org',
        groups: ['knot-admins', 'knot:user:ann'],
      },
      token: { token_type: 'Bearer' },
    });
    const userinfo = await party.tell({ do: 'userinfo' });
    t.equal((userinfo['claims'] as Claims)['sub'], (first['claims'] as Claims)['sub']);
    t.same((userinfo['claims'] as Claims)['groups'], ['knot-admins', 'knot:user:ann']);
    t.match(await party.tell({ do: 'introspect' }), { active: true, client_id: 'wiki', sub: ann.id });
    const refreshed = await party.tell({ do: 'refresh' });
    t.equal((refreshed['claims'] as Claims)['sub'], ann.id);

    await house.keys.rotate(0);
    const second = await party.tell({ do: 'finish', callback: await signIn() });
    t.equal((second['claims'] as Claims)['sub'], ann.id, 'a key that appeared while it ran is found and verifies');
    t.match(await party.tell({ do: 'revoke' }), { status: 200 });
    t.match(await party.tell({ do: 'introspect' }), { active: false });
    t.match(await party.tell({ do: 'userinfo' }), { status: 401 });

    const third = await signIn();
    t.notOk('error' in (await party.tell({ do: 'finish', callback: third })));
    t.match(await party.tell({ do: 'finish', callback: third }), { error: 'invalid_grant' }, 'a code is worth one use');
    t.match(await party.tell({ do: 'userinfo' }), { status: 401 }, 'and its replay ends what the first use gave');

    await party.tell({ do: 'finish', callback: await signIn() });
    t.match(await party.tell({ do: 'userinfo' }), { status: 200 });
    await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
    t.match(await party.tell({ do: 'userinfo' }), { status: 401 }, 'signed out of Knot is signed out here');
    t.match(await party.tell({ do: 'refresh' }), { error: 'invalid_grant' });

    // Harbor's CLI secret: a refresh token that goes on after the person has signed out, without prompt=consent.
    await house.signIn(browser, ann);
    const harbor = await startAuthlib(python as string, house.caFile, {
      issuer: house.issuer,
      client_id: wiki.clientId,
      client_secret: wiki.secret,
      redirect_uri: wiki.redirectUri,
      scope: 'openid profile email groups offline_access',
    });
    t.teardown(harbor.stop);
    const { url } = await harbor.tell({ do: 'start' });
    const page = await browser.go(String(url), (address) => address.startsWith(wiki.redirectUri));
    await harbor.tell({ do: 'finish', callback: page.location! });
    await house.sessions.endAll(ann.id, { actor: 'test', reason: 'test' });
    for (const round of [1, 2]) {
      t.equal(((await harbor.tell({ do: 'refresh' }))['claims'] as Claims)['sub'], ann.id, `refresh ${round}`);
      t.match(await harbor.tell({ do: 'userinfo' }), { status: 200 });
    }
  },
);
