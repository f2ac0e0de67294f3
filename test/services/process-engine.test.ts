import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { testEngine } from './engine.ts';
import { openProcessEngine, skipWithoutSandbox } from './process-house.ts';

t.setTimeout(240_000);

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
      await eventually('it runs', async () => engine.observe(one).phase === 'running', 30_000);
      await engine.stop(one);
      t.equal(readFileSync(join(folder, 'services/home', one.id, 'told'), 'utf8'), signal, JSON.stringify(plan));
      t.strictSame(left(one), [], 'nothing is left of it');
    }
  });
});
