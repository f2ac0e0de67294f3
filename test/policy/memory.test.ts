import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { copyOfShipped } from './support.ts';

/** The engine keeps its memory to itself, so the test takes hold of it while the module is instantiated. */
type Instance = { exports: { memory: { buffer: ArrayBuffer } } };
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Instance: new (...parameters: unknown[]) => Instance };
};
let memory: Instance['exports']['memory'] | undefined;
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, parameters: unknown[]) {
    const instance = new target(...parameters);
    memory = instance.exports.memory;
    return instance;
  },
});
const { checkFolder, createPolicy } = await import('../../gateway/policy/index.ts');

const closed = '@id("closed") forbid (principal, action, resource == Integration::"jupyterhub");';

t.test('three hundred reloads and checks leave the memory of the engine where it is', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const policy = await createPolicy({ folder, clock: systemClock, log: silentLog });
  t.teardown(() => policy.close());
  const turn = async (round: number): Promise<void> => {
    writeFileSync(join(folder, 'turn.cedar'), `// ${round}\n${closed}\n`);
    if (!(await policy.reload()).isCurrent) throw new Error('refused');
    if (round % 10 === 0) await checkFolder(folder);
  };
  for (let round = 0; round < 20; round += 1) await turn(round);
  const before = memory?.buffer.byteLength ?? 0;
  t.ok(before > 0);
  for (let round = 20; round < 320; round += 1) await turn(round);
  const grown = (memory?.buffer.byteLength ?? 0) - before;
  t.ok(grown <= 1024 * 1024, `${Math.round(grown / 1024)} KiB more`);
});
