import type { Test } from 'tap';
import type { BusyPlan, JsonObject, ProcessPlan } from '../../gateway/lib/index.ts';
import type { Engine } from '../../gateway/services/index.ts';
import type { Service, Size } from '../../gateway/services/service.ts';
import { eventually } from '../support/eventually.ts';

export type EngineHouse = {
  engine: Engine;
  /** A service whose program is `program` in Node, told where to listen by `process.env.LISTEN`. */
  service(program: string, facts?: { plan?: Partial<ProcessPlan>; values?: JsonObject; size?: Size }): Promise<Service>;
  /** What a service answers on `/`; undefined when nothing answers. */
  ask(service: Service, path?: string): Promise<string | undefined>;
  /** Command lines of what is left of a service. */
  left(service: Service): string[];
};

const answers = (text: string) =>
  `require('http').createServer((q, r) => r.end(${JSON.stringify(text)})).listen(process.env.LISTEN)`;

/** What every engine must do, told on any engine. */
export function testEngine(t: Test, open: (t: Test) => Promise<EngineHouse>): void {
  const phase = (engine: Engine, service: Service, wanted: string) =>
    eventually(`the engine sees it ${wanted}`, async () => engine.observe(service).phase === wanted);

  void t.test('a service runs, and is gone when it is stopped', async (t) => {
    const { engine, service, ask, left } = await open(t);
    const one = await service(answers('hello'));
    t.strictSame(engine.observe(one), { phase: 'absent' });
    await engine.start(one);
    await engine.start(one);
    await phase(engine, one, 'running');
    t.strictSame(engine.observe(one), { phase: 'running', revision: 1 });
    t.equal(await ask(one), 'hello');
    await engine.stop(one);
    t.strictSame(engine.observe(one), { phase: 'absent' });
    t.equal(await ask(one), undefined);
    t.strictSame(left(one), []);
    await engine.stop(one);
    await engine.remove(one);
  });

  void t.test('one of a newer revision takes the place of the one that runs', async (t) => {
    const { engine, service, ask } = await open(t);
    const one = await service(
      'require("http").createServer((q, r) => r.end(process.argv[1])).listen(process.env.LISTEN)',
      {
        values: { say: 'first' },
      },
    );
    await engine.start(one);
    await phase(engine, one, 'running');
    t.equal(await ask(one), 'first');
    const next = { ...one, revision: 2, values: { say: 'second; $(x)' } };
    await engine.start(next);
    await eventually('the second runs', async () => {
      const seen = engine.observe(next);
      return seen.phase === 'running' && seen.revision === 2;
    });
    t.equal(await ask(next), 'second; $(x)');
    await engine.stop(next);
  });

  void t.test('a program that ends again and again is given up, with the lines that show why', async (t) => {
    const { engine, service } = await open(t);
    const one = await service('console.error("Error: listen EADDRINUSE: address already in use"); process.exit(3)');
    await engine.start(one);
    await phase(engine, one, 'gone');
    t.match(engine.observe(one), { phase: 'gone', cause: { code: 'port-taken', lines: [/EADDRINUSE/] } });
    const said = async () => (await (await engine.output(one)).page({ limit: 100 })).lines.map(({ text }) => text);
    const lines = await said();
    t.match(lines, ['Started.', /EADDRINUSE/]);
    // A cluster tells of an end a moment later, when the next try may have spoken already.
    t.ok(lines.includes('The program ended with exit code 3. It is started again.'), lines.join('\n'));
    await engine.stop(one);
    t.strictSame(engine.observe(one), { phase: 'absent' });
    await eventually('the end is noted', async () => (await said()).at(-1) === 'Stopped.');
    await engine.remove(one);
    t.strictSame(await said(), [], 'what it said goes with it');
  });

  void t.test('a program that never answers is given up when its time is over', async (t) => {
    const { engine, service, left } = await open(t);
    const one = await service('setInterval(() => {}, 1000)', { plan: { startSeconds: 1 } });
    await engine.start(one);
    await phase(engine, one, 'gone');
    t.match(engine.observe(one), { cause: { code: 'slow' } });
    await engine.stop(one);
    t.strictSame(left(one), []);
  });

  void t.test('what forks away and does not listen to signals ends with it', async (t) => {
    const { engine, service, left } = await open(t);
    const stray = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)';
    const one = await service(
      `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stray)}], { detached: true, stdio: 'ignore' }).unref();
       process.on('SIGTERM', () => {}); ${answers('x')}`,
    );
    await engine.start(one);
    await phase(engine, one, 'running');
    t.ok(left(one).length > 0);
    await engine.stop(one);
    t.strictSame(left(one), []);
  });

  void t.test(
    'what a service works at is found out as its template says; what cannot be asked does not work',
    async (t) => {
      const { engine, service, ask } = await open(t);
      const program = `
      let state = 'idle';
      require('http').createServer((q, r) => {
        if (q.url.startsWith('/become/')) state = q.url.slice(8);
        if (state !== 'hung' || q.url !== '/cells') r.end(JSON.stringify([{ state: 'idle' }, { state }]));
      }).listen(process.env.LISTEN);
      setInterval(() => { for (const from = Date.now(); state === 'spinning' && Date.now() - from < 90; ); }, 100);
    `;
      const resting = (busy: BusyPlan) => ({ plan: { rest: { quiet: [], sockets: 'acts', busy } } }) as const;
      const says = 'A cell is running.';
      const asked = await service(program, resting({ says, path: '/cells', pointer: '/*/state', is: ['busy'] }));
      t.equal(await engine.busyWith(asked), undefined, 'what does not run');
      await engine.start(asked);
      await phase(engine, asked, 'running');
      t.equal(await engine.busyWith(asked), undefined);
      await ask(asked, '/become/busy');
      t.equal(await engine.busyWith(asked), says);
      await ask(asked, '/become/hung').catch(() => undefined);
      t.equal(await engine.busyWith(asked), undefined, 'one that does not answer');
      await engine.stop(asked);

      const measured = await service(program, resting({ says, cpu: 0.1 }));
      await engine.start(measured);
      await phase(engine, measured, 'running');
      t.equal(await engine.busyWith(measured), undefined);
      await ask(measured, '/become/spinning');
      await eventually('it is measured', async () => (await engine.busyWith(measured)) === says);
      await ask(measured, '/become/idle');
      await eventually('it works no more', async () => (await engine.busyWith(measured)) === undefined);
      await engine.stop(measured);
      const silent = await service(program, { plan: {} });
      await engine.start(silent);
      t.equal(await engine.busyWith(silent), undefined, 'of one whose template says nothing nothing is known');
      await engine.stop(silent);
    },
  );

  void t.test('a program that is ended from outside is started again', async (t) => {
    const { engine, service, ask } = await open(t);
    const one = await service(
      `require('http').createServer((q, r) => q.url === '/end' ? process.exit(1) : r.end(String(process.hrtime.bigint()))).listen(process.env.LISTEN)`,
    );
    await engine.start(one);
    await phase(engine, one, 'running');
    await ask(one, '/end');
    await eventually('it answers again', async () => (await ask(one)) !== undefined);
    await engine.stop(one);
  });
}
