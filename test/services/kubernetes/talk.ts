import type { Test } from 'tap';
import type { Engine } from '../../../gateway/services/index.ts';
import type { Service } from '../../../gateway/services/service.ts';
import { images } from '../../cluster/node/images.ts';
import { eventually } from '../../support/eventually.ts';
import { processesWith } from '../../support/process/processes-with.ts';
import type { EngineHouse } from '../engine.ts';
import { gather } from '../gather.ts';

/** What an engine is opened on once more, as after a restart of the gateway. */
export type Again = { namespace?: string; folder?: string };

export type TalkHouse = Omit<EngineHouse, 'service'> & {
  /** `beside`: other containers of its pod, as lines of a chart. */
  service(program: string, facts?: Parameters<EngineHouse['service']>[1] & { beside?: string }): Promise<Service>;
  again: Again;
  /** As when the gateway ends. */
  close(): Promise<void>;
};

const size = { columns: 100, rows: 30 };
const answers = `require('http').createServer((q, r) => r.end('x')).listen(process.env.LISTEN)`;

const runs = (engine: Engine, service: Service) =>
  eventually('it runs', () => engine.observe(service).phase === 'running');

/** How people talk with a service whose pods really run: what it says, and a shell in it. */
export function testTalk(t: Test, open: (t: Test, again?: Again) => Promise<TalkHouse>): void {
  void t.test('what it says is kept once and whole, also while the gateway is started again', async (t) => {
    const first = await open(t);
    const program = `${answers}; let n = 0; setInterval(() => console.log('line ' + n++), 20)`;
    const one = await first.service(program, {
      beside: `        - { name: beside, image: ${images.box}, command: [sh, -c, 'echo beside; exec sleep 1000'] }`,
    });
    await first.engine.start(one);
    await runs(first.engine, one);
    const said = async (engine: Engine) =>
      (await (await engine.output(one)).page({ limit: 10_000 })).lines.map(({ text }) => text);
    const count = async (engine: Engine) => (await said(engine)).filter((text) => text.startsWith('line ')).length;
    await eventually('lines', async () => (await count(first.engine)) > 50);
    await first.close();
    const second = await open(t, first.again);
    second.engine.observe(one);
    const before = await count(second.engine);
    await eventually('more lines', async () => (await count(second.engine)) > before + 100);
    const lines = await said(second.engine);
    const numbers = lines.filter((text) => text.startsWith('line ')).map((text) => Number(text.slice(5)));
    t.strictSame(
      numbers,
      numbers.map((_, index) => index),
      'none twice and none left out',
    );
    t.strictSame(
      lines.filter((text) => !text.startsWith('line ')).sort(),
      ['It answers.', 'Started.', 'Started.', 'beside'],
      'and what Knot says of it',
    );
    await second.engine.stop(one);
    await second.engine.remove(one);
  });

  void t.test(
    'a shell is in the container that people mean, has its size, and ends with what was begun in it',
    async (t) => {
      const { engine, service } = await open(t);
      const one = await service(answers, {
        beside: `        - { name: a-helper, image: ${images.box}, command: [sleep, '1000'] }`,
      });
      t.equal(await engine.openShell(one, size), undefined, 'none where nothing runs');
      await engine.start(one);
      await runs(engine, one);
      const shell = (await engine.openShell(one, size))!;
      const { run, comesToSize } = gather(shell);
      await run('stty size; echo "<$SERVICE>"', new RegExp(`30 100\\r\\n<${one.id}>`));
      shell.resize({ columns: 44, rows: 22 });
      await comesToSize('22 44');
      // 'ä' in two writes, and more than one message takes.
      const letter = Buffer.from('ä');
      shell.write(Buffer.from('echo "<'));
      shell.write(letter.subarray(0, 1));
      shell.write(letter.subarray(1));
      await run('>"', /\n<ä>/);
      await run('head -c 300000 /dev/zero | tr "\\\\0" x | tail -c 300000 | wc -c', /300000/);
      const long = `4${String(Math.random()).slice(2, 10)}`;
      shell.write(Buffer.from(`(trap "" HUP; exec sleep ${long}1) & sleep ${long}\n`));
      const left = () => processesWith(`sleep\0${long}`).map((found) => found.split('\0')[1]);
      await eventually('both run', () => left().length === 2);
      await shell.end();
      await eventually('all that was begun in it is ended', () => left().length === 0);

      const other = (await engine.openShell(one, size))!;
      other.write(Buffer.from('exit 7\n'));
      t.equal(await other.ended, 7);
      const last = (await engine.openShell(one, size))!;
      await engine.stop(one);
      t.not(await last.ended, 0, 'it ends with the service');
      await engine.remove(one);
    },
  );
}
