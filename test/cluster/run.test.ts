import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { t } from 'tap';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.ts';
import { clusterPrograms } from './build.ts';

const run = promisify(execFile);
const programs = await clusterPrograms();
const skip = 'skip' in programs ? programs.skip : false;

t.test(
  'npm run cluster tells how to reach the cluster and the gateway in front, and leaves nothing',
  { skip },
  async (t) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'run.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (part) => (said += String(part)));
    await eventually(
      () => `the last line, after:\n${said}`,
      () => said.includes('Ctrl-C ends it') || child.exitCode !== null,
      120_000,
    );
    const [, kubeconfig = '', path = ''] = /export KUBECONFIG=(\S+) PATH=(\S+):\$PATH/.exec(said) ?? [];
    const { stdout: nodes } = await run(join(path, 'kubectl'), ['get', 'nodes', '-o', 'name'], {
      env: { KUBECONFIG: kubeconfig, HOME: dirname(kubeconfig) },
    });
    t.equal(nodes, 'node/node-0\n');
    const { stdout: version } = await run(join(path, 'helm'), ['version', '--short'], { env: { HOME: dirname(path) } });
    t.match(version, /^v4\./);

    const link = /https:\/\/localhost:\d+\/setup\/\S+/.exec(said)?.[0];
    t.ok(link, 'a link for the first admin');
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    t.teardown(() => dispatcher.destroy());
    const { statusCode, body } = await request(link!, { dispatcher });
    await body.dump();
    t.equal(statusCode, 200, 'where the first admin is made');

    const ended = once(child, 'exit');
    child.kill('SIGINT');
    t.same(await ended, [0, null]);
    t.notOk(existsSync(dirname(kubeconfig)));
    const data = dirname(dirname(dirname(/certificate is of (\S+)\./.exec(said)![1]!)));
    t.match(data, /knot-test-/);
    t.notOk(existsSync(data));
  },
);
