import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { request } from 'undici';
import { type Argo, startArgo } from '../cluster/argo/start.ts';
import { settingsFrom } from '../cluster/argo/values.ts';
import { hello } from '../cluster/argo/workflows.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import type { Person } from '../support/process/person.ts';
import { type ArgoHouse, openArgoHouse } from './argo-fixture.ts';

/**
 * A real Argo Workflows that signs people in itself, at the provider of a running gateway (`auth: sso`), set up with what Knot prints for it;
 * its accounts and their tokens are those that the gateway keeps in the cluster.
 */

const cluster = await startControlPlane(t);
if ('skip' in cluster) t.test('Argo Workflows that signs people in', { skip: cluster.skip }, async () => undefined);
else await opened(cluster);

/** Each must know the other before it starts, so that both have ports that were chosen before. */
async function opened(cluster: ControlPlane): Promise<void> {
  const [port, listen] = [await freePort(), await freePort()];
  const upstream = `http://127.0.0.1:${listen}`;
  const house = await openArgoHouse(t, cluster, { argo: { upstream, auth: 'sso' }, listen: `127.0.0.1:${port}` });
  const shown = (await house.gateway.knot(['integrations', 'show', 'argo'])).stdout;
  const argo = await startArgo(t, cluster, { ...settingsFrom(shown), listen, reaches: [port] });
  if ('skip' in argo) t.test('Argo Workflows that signs people in', { skip: argo.skip }, async () => undefined);
  else await behaves(cluster, argo, house);
}

const everybodyEverywhere = '@id("everybody-everywhere")\npermit (principal, action, resource);\n';

type UserInfo = { subject: string; groups?: string[]; serviceAccountName: string; serviceAccountNamespace: string };

async function behaves(cluster: ControlPlane, argo: Argo, house: ArgoHouse): Promise<void> {
  const { gateway, ann, person, origin, ask, submit, until, list, place, openStream } = house;
  const [joanna, bob] = [await person('joanna'), await person('bob')];
  const { id: team } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  const joannasId = await house.idOf('joanna');
  for (const id of [joannasId, await house.idOf('bob')])
    await ann.api('PUT', `/teams/${team}/members/${id}`, { role: 'member' });
  const ownCookie = (who: Person) => who.cookies('argo.localhost').get('authorization');
  /** What Argo finds in a namespace: the name of the Secret, the token in it, and the rule. */
  const kept = async (namespace: string) => {
    const { body: account } = await cluster.request(`/api/v1/namespaces/${namespace}/serviceaccounts/knot-argo`);
    const annotations = (account.metadata?.annotations ?? {}) as Record<string, string>;
    const name = annotations['workflows.argoproj.io/service-account-token.name'];
    const secret = name && (await cluster.request(`/api/v1/namespaces/${namespace}/secrets/${name}`)).body;
    const token = secret?.data?.token && Buffer.from(secret.data.token as string, 'base64').toString();
    return { name, token: token as string | undefined, rule: annotations['workflows.argoproj.io/rbac-rule'] };
  };
  for (const namespace of ['knot-joanna', 'knot-bob', 'knot-team-physics']) {
    await place(namespace);
    await eventually(`a token in ${namespace}`, async () => (await kept(namespace)).token !== undefined);
  }
  await eventually('a rule for both', async () => (await kept('knot-team-physics')).rule?.split(',').length === 2);
  /** Past Knot, as whoever has found a way to its server: what it says. */
  const direct = async (path: string, headers: Record<string, string>): Promise<number> => {
    const answer = await request(`${argo.url}${path}`, { headers });
    await answer.body.dump();
    return answer.statusCode;
  };
  /** An administrator takes all rules away and writes another one; returned is how they put the old ones back. */
  const replaceRules = (rule: string): (() => void) => {
    const files = ['default.cases.yaml', 'default.cedar'].map((name) => join(gateway.policies, name));
    const texts = files.map((file) => readFileSync(file, 'utf8'));
    rmSync(files[0]!);
    writeFileSync(files[1]!, rule);
    return () => files.toReversed().forEach((file, index) => writeFileSync(file, texts.toReversed()[index]!));
  };
  /** As its page does where it is told that nobody is signed in (ui/src/shared/services/requests.ts). */
  const signIn = (who: Person, path: string) =>
    who.visit(`${origin}/login?${new URLSearchParams({ redirect: path }).toString()}`);

  t.test('a person clicks, is signed in without a question, and works in their namespace as themselves', async (t) => {
    const { tiles } = (await joanna.api('GET', '/tiles')).json<{ tiles: { name: string; url: string }[] }>();
    const page = await joanna.visit(tiles.find(({ name }) => name === 'argo')!.url);
    t.equal(page.status, 200);
    t.equal((await ask(joanna, 'GET', '/api/v1/userinfo')).status, 401, 'its page hears that nobody is signed in');
    const wanted = '/workflows/knot-joanna?limit=50';
    const back = await signIn(joanna, wanted);
    t.equal(back.status, 200, back.text.slice(0, 300));
    t.equal(back.url, `${origin}${wanted}`, 'and she is where she was');
    t.match(ownCookie(joanna), /^"?Bearer v2:/);
    const info = (await ask(joanna, 'GET', '/api/v1/userinfo')).json<UserInfo>();
    t.match(info, { subject: joannasId, serviceAccountName: 'knot-login', serviceAccountNamespace: 'argo' });
    t.same(info.groups ?? [], [], 'of two hundred groups its cookie has room for none, and needs none');
    t.ok(ownCookie(joanna)!.length < 1_500);

    const made = await submit(joanna, 'knot-joanna', hello('first'));
    t.equal(made.status, 200, made.text);
    t.match(made.json(), { metadata: { labels: { 'workflows.argoproj.io/creator': joannasId } } });
    await until(joanna, 'knot-joanna', 'first', 'Succeeded');
    t.match((await list(joanna)).workflows, [{ name: 'first', state: 'Succeeded' }], 'Knot lists it as ever');
    t.equal((await submit(joanna, 'knot-team-physics', hello('of-us'))).status, 200, 'and in that of her team');
  });

  t.test('what it acts with is a token of an hour that is nothing without its Secret', async (t) => {
    const { token, name } = await kept('knot-joanna');
    t.match(name, /^knot-argo-[ab]$/);
    const [, claims = ''] = token!.split('.');
    const {
      exp,
      iat,
      'kubernetes.io': bound,
    } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
      exp: number;
      iat: number;
      'kubernetes.io': object;
    };
    t.equal(exp - iat, 3600);
    t.match(bound, { secret: { name }, serviceaccount: { name: 'knot-argo' } });
    const secrets = await cluster.request('/api/v1/namespaces/knot-joanna/secrets');
    const types = (secrets.body.items as { type: string }[]).map(({ type }) => type);
    t.notOk(types.includes('kubernetes.io/service-account-token'), 'there is none that never ends');
  });

  t.test(
    'the namespace of somebody else is refused by a rule that is named, and without the rule by Argo',
    async (t) => {
      await signIn(bob, '/workflows/knot-bob');
      const paths = ['/api/v1/workflows/knot-joanna', '/api/v1/workflow-events/knot-joanna', '/api/v1/workflows/'];
      for (const path of paths) {
        const answer = await ask(bob, 'GET', path);
        t.equal(answer.status, 403, path);
        t.match(answer.text, /decision/i, `${path}: by Knot`);
      }
      t.match((await ask(bob, 'GET', paths[0]!)).text, /services-are-private/);
      t.equal((await submit(bob, 'knot-joanna', hello('intruder'))).status, 403);

      const putBack = replaceRules(everybodyEverywhere);
      const isByKnot = async () => /decision/i.test((await ask(bob, 'GET', paths[0]!)).text);
      await eventually('Knot lets him', async () => !(await isByKnot()));
      for (const path of paths) {
        const answer = await ask(bob, 'GET', path);
        t.equal(answer.status, 403, `${path}: by Argo`);
        t.match(answer.text, /not allowed|forbidden/i);
      }
      t.equal((await submit(bob, 'knot-joanna', hello('intruder'))).status, 403);
      t.equal((await ask(bob, 'GET', '/api/v1/workflows/knot-bob')).status, 200, 'his own is his');
      putBack();
      await eventually('the rules again', isByKnot);
    },
  );

  t.test('the next person in the same browser is not who was there before', async (t) => {
    const before = ownCookie(bob);
    t.ok(before);
    await bob.submit('/logout', {});
    t.equal(ownCookie(bob), before, 'the cookie of Argo is still there');
    t.equal((await ask(bob, 'GET', '/api/v1/userinfo')).status, 401, 'and is nothing without a session of Knot');
    await bob.signIn('joanna', 'correct-horse-staple-7');
    await bob.visit(`${origin}/workflows/knot-joanna`);
    t.equal(ownCookie(bob), undefined, 'it is taken away where a session begins');
    await signIn(bob, '/workflows/knot-joanna');
    t.match((await ask(bob, 'GET', '/api/v1/userinfo')).json(), { subject: joannasId });
    await bob.submit('/logout', {});
    await bob.signIn('bob', 'correct-horse-staple-7');
    await bob.visit(`${origin}/workflows/knot-bob`);
    await signIn(bob, '/workflows/knot-bob');
  });

  t.test(
    'whoever leaves a team is refused by Argo too, with the groups of before in its cookie and a copy of its token',
    async (t) => {
      const before = await kept('knot-team-physics');
      const ofTeam = '/api/v1/workflows/knot-team-physics';
      t.equal((await ask(bob, 'GET', ofTeam)).status, 200, 'as long as he is in it');
      t.equal(await direct(ofTeam, { authorization: `Bearer ${before.token!}` }), 200);
      await ann.api('DELETE', `/teams/${team}/members/${await house.idOf('bob')}`);
      t.equal((await ask(bob, 'GET', ofTeam)).status, 403, 'Knot at once');
      const putBack = replaceRules(everybodyEverywhere);
      const isByKnot = async () => /decision/i.test((await ask(bob, 'GET', ofTeam)).text);
      await eventually('Knot would let him', async () => !(await isByKnot()));
      await eventually('Argo does not, by its rule', async () => (await ask(bob, 'GET', ofTeam)).status === 403);
      t.equal((await ask(bob, 'GET', '/api/v1/workflows/knot-bob')).status, 200, 'with the same cookie his own is his');
      putBack();
      await eventually('the rules again', isByKnot);
      await eventually(
        'a copy of the token',
        async () => (await direct(ofTeam, { authorization: `Bearer ${before.token!}` })) !== 200,
      );
      await eventually('another Secret', async () => (await kept('knot-team-physics')).name !== before.name);
      t.equal((await ask(joanna, 'GET', ofTeam)).status, 200, 'who stays notices nothing');
    },
  );

  t.test('signing out and being disabled end what is open, though Argo’s own cookie is there', async (t) => {
    await submit(bob, 'knot-bob', hello('his'));
    const his = await openStream(t, bob, '/api/v1/workflow-events/knot-bob');
    t.equal(his.status, 200);
    await eventually('its event', () => his.text().includes('"name":"his"'));
    await bob.submit('/logout', {});
    await his.ended;
    t.ok(ownCookie(bob));
    t.equal((await ask(bob, 'GET', '/api/v1/workflows/knot-bob')).status, 401);

    await submit(joanna, 'knot-joanna', hello('hers'));
    const hers = await openStream(t, joanna, '/api/v1/workflow-events/knot-joanna');
    t.equal(hers.status, 200);
    await ann.api('PATCH', `/users/${joannasId}`, { state: 'disabled' });
    await hers.ended;
    t.equal((await ask(joanna, 'GET', '/api/v1/workflows/knot-joanna')).status, 401);
    await eventually('nobody’s rule', async () => (await kept('knot-joanna')).rule === 'false');
    await eventually('no rights', async () => (await house.accountsIn('knot-joanna')) === undefined);
  });

  t.test('a check finds it as it must be, and the gateway did nothing that its role does not give', async (t) => {
    const { status, stdout } = await gateway.knot(['integrations', 'check', 'argo']);
    t.equal(status, 0, stdout);
    t.match(stdout, /It sends people to Knot to sign in[\s\S]*come back to its own address/);
    t.same((await house.rights()).refused, []);
  });
}
