/** What is true of every tool, whichever it is: each as the configuration opens it, with nobody at its address. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { describeIntegration, integrationNames, openIntegrations } from '../../gateway/app/integrations.ts';
import { loadConfig, parseListen, publicAddress } from '../../gateway/config/index.ts';
import type { Integration } from '../../gateway/integrations/index.ts';
import { KnotError, type Principal, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { resourceAt } from '../../gateway/routes/resource.ts';
import { normalRoute } from '../../gateway/routes/route.ts';
import { caFileIn } from '../../gateway/tls/index.ts';
import { freePort } from '../support/net/free-port.ts';

t.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'knot-contract-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const adminSecret = 'Administrator-of-the-tool-1';
writeFileSync(join(folder, 'secret'), adminSecret);
const secret = { fromFile: join(folder, 'secret') };
const upstream = `http://127.0.0.1:${await freePort()}`;
const file = join(folder, 'knot.yaml');
writeFileSync(
  file,
  JSON.stringify({
    domain: 'knot.example.org',
    data: join(folder, 'data'),
    engine: 'kubernetes',
    integrations: {
      jupyterhub: { mode: 'external', upstream },
      argo: { upstream },
      harbor: { upstream, admin: secret },
      grafana: { upstream, admin: { password: secret } },
      prometheus: { upstream },
    },
    apps: [
      { name: 'gitea', kind: 'oidc', redirectPaths: ['/user/oauth2/knot/callback'], upstream },
      { name: 'headlamp', kind: 'token', token: secret, upstream },
      { name: 'opencost', kind: 'header', upstream },
      { name: 'dask', kind: 'jwt', upstream },
    ],
  }),
);
const { config } = loadConfig({ config: file }, {});
const address = publicAddress(config, parseListen(config.listen).port);
const port = new URL(address.origin).port;
const tools = await openIntegrations(config, {
  publicAddress: address,
  caFile: caFileIn(config.data),
  ownCaPem: undefined,
  metricsCookieOf: async () => 'knot-metrics=grant',
  cluster: {
    requestToken: () => Promise.resolve({ token: 'of-the-account', lifeMs: 600_000 }),
    sampleNamespace: () => Promise.resolve('knot-ann'),
  } as never,
  supervisor: { endEarlierRun: async () => undefined } as never,
  listenAddress: { host: '127.0.0.1', port: 443 },
  clock: systemClock,
  log: silentLog,
});
t.teardown(() => Promise.all(tools.map((tool) => tool.stop())));

const ann: Principal = {
  ...{ id: 'id-ann', username: 'ann', email: 'ann@example.org', isAdmin: false, state: 'active', version: 1 },
  ...{ groups: ['knot:user:ann'], teams: [] },
} as Principal;

t.test('the list of them is that of the configuration', async (t) => {
  const names = ['jupyterhub', 'argo', 'harbor', 'grafana', 'gitea', 'headlamp', 'opencost', 'dask'];
  t.strictSame(
    tools.map(({ name }) => name),
    names,
  );
  t.strictSame(
    integrationNames(config).map(({ name }) => name),
    names,
  );
});

for (const tool of tools) {
  t.test(tool.name, async (t) => {
    const { name, title, url, route, client } = tool;
    const host = `${name}.knot.example.org`;
    const origin = `https://${host}:${port}`;

    t.equal(route.host, host, 'it is at its name below the domain');
    t.equal(route.name, name);
    t.equal(route.kind, 'integration');
    t.equal(new URL(url).origin, origin);
    t.equal(new URL(tool.urlOf?.('ann') ?? url).origin, origin);
    t.ok(title.length > 0);
    t.strictSame(normalRoute(normalRoute(route)), normalRoute(route), 'its route is one that is stored');
    const resource = resourceAt(normalRoute(route), '/', '');
    t.equal(resource.attributes.name, name, 'the rules speak of it by its name');

    if (client !== undefined) {
      t.ok(client.secret.length >= 32, 'its secret is made by Knot');
      t.equal(client.clientId, name);
      for (const uri of client.redirectUris) t.ok(uri.startsWith(`${origin}/`), uri);
      for (const uri of client.postLogoutRedirectUris)
        t.ok([origin, address.origin].includes(new URL(uri).origin), uri);
    }

    const { withheld, identityFields } = normalRoute(route).switches;
    const given = (await tool.credentials?.(ann, resource, { isProgram: true })) ?? [];
    for (let index = 0; index < given.length; index += 2) {
      const field = given[index]!;
      t.equal(field, field.toLowerCase());
      const cookie = field === 'cookie' ? given[index + 1]!.split('=')[0]! : undefined;
      const isKept = cookie === undefined ? withheld?.headers.includes(field) : withheld?.cookies.includes(cookie);
      t.ok(isKept, `nobody but Knot sends ${cookie ?? field}`);
    }
    for (const field of Object.values(identityFields ?? {})) t.ok(withheld?.headers.includes(field), field);

    t.match(tool.tile(), { status: /unknown|unwatched/ }, 'nobody knows how it is before it was asked');
    t.ok(tool.probePath?.startsWith('/'));
    t.equal(tool.isManaged, undefined);

    const settings = tool.settings();
    t.equal(settings, describeIntegration(config, name), 'a command prints what the gateway says');
    t.notMatch(settings, adminSecret, 'and no secret that is not shared with it');
    t.ok(settings.length > 40, settings);
    if (client !== undefined) t.match(settings, client.secret);

    await t.test('while nobody answers at its address', async (t) => {
      const findings = (await tool.check?.()) ?? [];
      if (tool.check)
        t.ok(
          findings.some(({ status, remedy }) => status === 'failed' && remedy !== undefined),
          JSON.stringify(findings),
        );
      const failure = await tool
        .provide?.({ kind: 'user', id: 'id-ann', name: 'ann', title: 'ann', email: 'ann@example.org', isPaused: false })
        .then(
          () => undefined,
          (error: unknown) => error,
        );
      if (tool.provide) {
        t.ok(failure instanceof KnotError, String(failure));
        t.ok((failure as KnotError).remedy, 'what to do is said');
      }
      t.notMatch(JSON.stringify([findings, (failure as KnotError | undefined)?.message]), /127\.0\.0\.1|ECONNREFUSED/);
    });
  });
}

t.test('each is stopped though it was never started, and twice', async (t) => {
  const stopped = (tool: Integration) => tool.stop().then(() => tool.stop());
  await t.resolves(Promise.all(tools.map(stopped)));
});
