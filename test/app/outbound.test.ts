import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import t from 'tap';
import { outboundOfServices } from '../../gateway/app/outbound.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createPolicy } from '../../gateway/policy/index.ts';
import type { Service } from '../../gateway/services/index.ts';
import { copyOfShipped } from '../policy/support.ts';
import { openTestFacts } from '../support/house/facts.ts';

const by = { name: 'root' };

t.test('who runs a service decides what it reaches: its owner, and for a team somebody who is in it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-out-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const policies = copyOfShipped(t.teardown.bind(t));
  appendFileSync(
    join(policies, 'default.cedar'),
    '@id("no-mirror") forbid (principal, action == Action::"reach", resource) when { context.host like "*.closed.example" };',
  );
  const policy = await createPolicy({
    recordReload: () => undefined,
    folder: policies,
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => policy.close());
  t.same(policy.status().problems, []);
  const { accounts, config } = await openTestFacts(t);
  const add = (username: string) =>
    accounts.createUser(
      { username, email: `${username}@example.org`, password: 'blue tractor 9', state: 'active' },
      by,
    );
  const ann = await add('ann');
  await add('bob');
  const team = await accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
  await accounts.setMember(team.id, ann.id, 'member', by);

  const dialled: string[] = [];
  const outbound = outboundOfServices(
    { services: { ...config.services, network: { hosts: ['*.example'], internal: ['db.inside:5432'] } } },
    {
      accounts,
      policy,
      dial: async (host, port, isInternal) => {
        dialled.push(`${host}:${port}${isInternal ? ' inside' : ''}`);
        throw new Error('nobody is there');
      },
      log: silentLog,
    },
  );
  const services = {
    ann: { kind: 'user', id: ann.id, name: 'ann' },
    physics: { kind: 'team', id: team.id, name: 'physics' },
  } as const;
  let sockets = 0;
  const ask = async (owner: keyof typeof services, target: string, id = 'web'): Promise<string> => {
    const socket = join(folder, `${(sockets += 1)}.sock`);
    const template = { id, plan: { network: { hosts: ['named.elsewhere'] } } };
    const service = { id: 's', name: 'web', owner: services[owner], createdBy: 'bob', template } as unknown as Service;
    const close = await outbound.open({ socket, service, onRefused: () => undefined });
    const client = connect(socket);
    client.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`);
    const answer = (await client.toArray()).join('');
    close();
    return answer.slice(9, 12);
  };

  t.equal(await ask('ann', 'a.example:443'), '502', 'it may, and nobody is there');
  t.equal(await ask('ann', 'db.inside:5432'), '502');
  t.equal(await ask('ann', 'a.elsewhere:443'), '403', 'nobody named it');
  t.equal(await ask('ann', 'named.elsewhere:443'), '502', 'its template did');
  t.equal(
    await ask('ann', 'named.elsewhere:443', 'user:ann/web'),
    '403',
    'but what people write themselves opens nothing',
  );
  t.equal(await ask('ann', 'a.closed.example:443'), '403', 'the policies close it');
  t.equal(await ask('physics', 'a.example:443'), '502', 'who launched it is not in the team, and ann is');
  t.strictSame(dialled, ['a.example:443', 'db.inside:5432 inside', 'named.elsewhere:443', 'a.example:443']);
  await accounts.removeMember(team.id, ann.id, by);
  t.equal(await ask('physics', 'a.example:443'), '403', 'nobody is in it any more');
  await accounts.setState(ann.id, 'disabled', by);
  t.equal(await ask('ann', 'a.example:443'), '403');
});
