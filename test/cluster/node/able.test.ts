import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { whyNoNode } from './able.ts';

/** What `startNode` answers to somebody else than root. */
function asNobody(environment: Record<string, string>) {
  const script = `
    const { startNode } = await import(${JSON.stringify(join(import.meta.dirname, 'start.ts'))});
    process.setgid(65534);
    process.setuid(65534);
    console.log(JSON.stringify(await startNode({ teardown() {} }).catch((error) => ({ thrown: error.message }))));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...environment },
  });
  return JSON.parse(stdout) as object;
}

const isRoot = process.getuid?.() === 0;

t.test(
  'where no node can run the reason is told; in CI it is an error',
  { skip: !isRoot && 'only root becomes somebody else' },
  (t) => {
    t.same(asNobody({}), { skip: 'a real node needs root' });
    t.same(asNobody({ CI: 'true' }), { thrown: 'a real node needs root' });
    t.end();
  },
);

t.test(
  'every program that is not installed and every part that the kernel lacks is named',
  { skip: !isRoot && 'needs root' },
  async (t) => {
    t.match(
      await whyNoNode({ programs: ['sh', 'no-such-program', 'nor-this'], files: ['/nowhere'] }),
      /^a real node needs no-such-program, nor-this, \/nowhere: not installed here$/,
    );
    const kernelParts = {
      'what every kernel has': 'true',
      'warp drives': 'modprobe warp && false',
      'time travel': 'exit_now',
    };
    t.equal(
      await whyNoNode({ programs: ['sh'], files: [], kernelParts }),
      'this kernel lacks warp drives, time travel',
    );
  },
);
