import t from 'tap';
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
});
