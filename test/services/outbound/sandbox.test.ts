import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import t from 'tap';
import { readHostPattern, silentLog } from '../../../gateway/lib/index.ts';
import { createOutbound } from '../../../gateway/process/index.ts';
import type { Service, ServiceOutbound } from '../../../gateway/services/index.ts';
import { eventually } from '../../support/eventually.ts';
import { openProcessEngine, skipWithoutSandbox } from '../process-house.ts';

/** A program in its sandbox: what it reaches, by the settings that it finds and without them. */

const program = `
const net = require('net');
const ask = async (address) => { try { const answer = await fetch(address); return answer.status + ' ' + (await answer.text()); } catch (error) { return String(error.cause?.code ?? error); } };
const reach = (to) => new Promise((resolve) => net.connect(to).on('connect', function () { this.destroy(); resolve('connected'); }).on('error', (error) => resolve(error.code)));
require('http').createServer(async (q, r) => r.end(JSON.stringify({
  named: await ask('http://a.example/x'), other: await ask('http://b.example/'),
  around: await reach({ host: '1.1.1.1', port: 443 }), proxy: process.env.https_proxy ?? null,
}))).listen(process.env.LISTEN.startsWith('/') ? process.env.LISTEN : 3128, '127.0.0.1');
`;

t.test(
  'a sandboxed program reaches what is named for it, and only through the gateway',
  { skip: skipWithoutSandbox },
  async (t) => {
    const web = createServer((request, response) => response.end(`${request.headers.host} ${request.url}`)).listen(
      0,
      '127.0.0.1',
    );
    await once(web, 'listening');
    t.teardown(() => void (web.closeAllConnections(), web.close()));
    const own = createOutbound({
      dial: async () => {
        const socket = connect((web.address() as AddressInfo).port, '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      },
      log: silentLog,
    });
    const hostsOf = (service: Service) => service.template.plan.network.hosts.map((text) => readHostPattern(text)!);
    const outbound: ServiceOutbound = {
      isOpenTo: (service) => hostsOf(service).length > 0,
      open: ({ socket, service, onRefused }) =>
        own.open({
          socket,
          asker: { about: {}, hosts: hostsOf(service), internal: [], mayReach: async () => true },
          onRefused,
        }),
    };
    const { engine, service, ask, left } = await openProcessEngine(t, { outbound });
    const network = { hosts: ['a.example'] };
    // One on a socket, one on the very port where programs are told to look for the proxy, and one that reaches nothing.
    const one = await service(program, { plan: { network } });
    const other = await service(program, {
      plan: { network, listen: { kind: 'port', port: 3128 }, environment: { LISTEN: '{port}' } },
    });
    const none = await service(program);
    for (const each of [one, other, none]) await engine.start(each);
    for (const each of [one, other, none]) await eventually('it runs', () => engine.observe(each).phase === 'running');
    for (const [each, port] of [
      [one, 3128],
      [other, 3129],
    ] as const)
      t.match(JSON.parse((await ask(each))!), {
        named: '200 a.example /x',
        other: /^403 b\.example:80 is not among/,
        around: /^E(NETUNREACH|CONNREFUSED|HOSTUNREACH|ADDRNOTAVAIL)$/,
        proxy: `http://127.0.0.1:${port}`,
      });
    t.match(JSON.parse((await ask(none))!), { named: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED/, proxy: null });
    const { lines } = await (await engine.output(one)).page({ limit: 100 });
    t.match(JSON.stringify(lines), /b\.example:80 is not among the hosts/, 'its owner reads why');
    for (const each of [one, other, none]) {
      await engine.stop(each);
      await eventually('nothing of it is left', () => left(each).length === 0);
    }
  },
);
