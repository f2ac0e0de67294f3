import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Service } from '../../gateway/services/service.ts';
import { eventually } from '../support/eventually.ts';
import { testEngine } from './engine.ts';
import { openProcessEngine, skipWithoutSandbox } from './process-house.ts';

t.test('programs of this machine', { skip: skipWithoutSandbox }, async (t) => {
  testEngine(t, (t) => openProcessEngine(t));

  await t.test('a program that only listens on a port is reached through the bridge', async (t) => {
    const { engine, service, ask } = await openProcessEngine(t);
    const one = await service('require("http").createServer((q, r) => r.end("p")).listen(8765, "127.0.0.1")', {
      plan: { listen: { kind: 'port', port: 8765 } },
    });
    const two = await service('require("http").createServer((q, r) => r.end("q")).listen(8765, "127.0.0.1")', {
      plan: { listen: { kind: 'port', port: 8765 } },
    });
    await engine.start(one);
    await engine.start(two);
    for (const [each, text] of [
      [one, 'p'],
      [two, 'q'],
    ] as const) {
      while (engine.observe(each).phase === 'starting')
        await new Promise((resolve) => engine.onChange(() => resolve(true)));
      t.equal(await ask(each), text);
      await engine.stop(each);
    }
  });

  await t.test('a program is told of its end by the signal it knows, and has time for it', async (t) => {
    const { engine, folder, service, left } = await openProcessEngine(t, { graceMs: 60_000 });
    const listen = 'require("http").createServer((q, r) => r.end("p")).listen';
    const tell = (signal: string) =>
      `process.on("${signal}", () => setTimeout(() => { require("fs").writeFileSync(process.env.HOME + "/told", "${signal}"); process.exit(); }, 150));`;
    const kinds = [
      // Becomes the program, is a bridge in front of it, or a page beside it.
      { signal: 'SIGTERM', at: 'process.env.LISTEN', plan: {} },
      { signal: 'SIGTERM', at: '8765, "127.0.0.1"', plan: { listen: { kind: 'port', port: 8765 } } },
      {
        signal: 'SIGINT',
        at: '"/run/offer/one.sock"',
        plan: { stop: 'SIGINT', listen: { kind: 'offer', file: 'one.sock', speaks: 'Tests' } },
      },
    ] as const;
    for (const { signal, at, plan } of kinds) {
      const one = await service(`${tell(signal)} ${listen}(${at})`, { plan });
      await engine.start(one);
      await eventually('it runs', async () => engine.observe(one).phase === 'running');
      await engine.stop(one);
      t.equal(readFileSync(join(folder, 'services/home', one.id, 'told'), 'utf8'), signal, JSON.stringify(plan));
      t.strictSame(left(one), [], 'nothing is left of it');
    }
  });

  await t.test('who connects to what a sleeping service offers wakes it, and is joined to it', async (t) => {
    let database: Service;
    const house = await openProcessEngine(t, { neighbour: async () => database });
    const { engine, folder, service } = house;
    const rung: string[] = [];
    engine.onRing!((id) => rung.push(id));
    const plan = { listen: { kind: 'offer', file: 'one.sock', speaks: 'Tests' } } as const;
    database = await service('require("net").createServer((c) => c.pipe(c)).listen("/run/offer/one.sock")', { plan });
    // Says what it hears from the database.
    const program = `const { connect } = require('net');
      require('http').createServer((request, response) => {
        if (request.url === '/ready') return response.end();
        const database = connect('/run/services/db/one.sock');
        database.on('error', (error) => response.end(error.code)).on('close', () => response.end('ended'));
        database.on('data', (data) => response.end(data)).write('hello');
      }).listen(process.env.LISTEN)`;
    const consumer = await service(program, {
      plan: { ready: '/ready', reaches: 'values.services' },
      values: { services: ['db'] },
    });
    const ask = (path = '/') => house.ask(consumer, path);
    const runs = (each: Service) => eventually('it runs', async () => engine.observe(each).phase === 'running');
    for (const each of [database, consumer]) {
      await engine.start(each);
      await runs(each);
    }
    t.equal(await ask(), 'hello');
    await engine.stop(database);
    await engine.rest!(database, false);
    t.match(await ask(), /ENOENT|ECONNREFUSED/, 'one that was stopped is woken by nobody');
    await engine.rest!(database, true);
    await engine.rest!(database, true);
    const waiting = ask();
    await eventually('it is heard', () => rung.length > 0);
    t.strictSame(rung, [database.id]);
    database = { ...database, revision: 2 };
    await engine.start(database);
    t.equal(await waiting, 'hello', 'whoever woke it is served');
    await runs(database);
    t.equal(await ask(), 'hello');

    // One that does not come up keeps nobody waiting.
    await engine.stop(database);
    await engine.rest!(database, true);
    const inVain = ask();
    await eventually('it is heard', () => rung.length > 1);
    const broken = await service('process.exit(3)', { plan });
    await engine.start({ ...broken, id: database.id, revision: 3 });
    t.match(await inVain, /ended|ECONNRESET/);
    for (const each of [database, consumer]) await engine.stop(each);
    const offers = join(folder, 'services/offer');
    const left = readdirSync(offers, { recursive: true }).filter((name) => String(name).endsWith('.sock'));
    t.strictSame(left, [], 'no socket is left where nobody listens');
  });
});
