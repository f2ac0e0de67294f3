import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Agent, fetch } from 'undici';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';

const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;
const skip = hasPython ? false : 'needs python3 to open a terminal';

/** Runs the gateway on a terminal of its own, as a person would, and collects what stands on it. */
async function onTerminal(t: Test, args: string[] = []): Promise<{ screen(): string; origin: string }> {
  const repository = join(import.meta.dirname, '..', '..');
  const folder = t.testdir({ 'off.yaml': 'integrations: {jupyterhub: {mode: "off"}}' });
  const start = ['start', '--config', join(folder, 'off.yaml'), '--data', join(folder, 'data')];
  const listen = ['--listen', '127.0.0.1:0', '--ops', '127.0.0.1:0', ...args];
  const command = [process.execPath, join(repository, 'gateway', 'main.ts'), ...start, ...listen];
  const child: ChildProcess = spawn('python3', ['-c', 'import pty, sys; pty.spawn(sys.argv[1:])', ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  t.teardown(async () => {
    // Ctrl-C, as the banner says.
    child.stdin!.write('\x03');
    await once(child, 'exit');
  });
  await eventually('the banner is there', () => /Ctrl-C/.test(text));
  const origin = /ready (https:\/\/\S+)/.exec(text)![1]!;
  return { screen: () => text, origin };
}

const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
t.teardown(() => dispatcher.close());

t.test('requests push nothing out of sight in a terminal', { skip }, async (t) => {
  const { screen, origin } = await onTerminal(t);
  t.match(screen(), /first admin\s+https:\/\/localhost:\d+\/setup\//);
  t.match(screen(), /--requests all/, 'the banner says how to see them');
  const length = screen().length;
  for (const path of ['/login', '/api/v1/me', '/nowhere'])
    await (await fetch(`${origin}${path}`, { dispatcher })).text();
  t.equal(screen().slice(length), '', 'not a line after three requests');
});

t.test('they are shown when asked for', { skip }, async (t) => {
  const { screen, origin } = await onTerminal(t, ['--requests', 'all']);
  await (await fetch(`${origin}/login`, { dispatcher })).text();
  await eventually('the line of the request', () => /GET [^\n]*\/login 200/.test(screen()));
  t.notMatch(screen(), /--requests all/);
});

t.test('programs that read the log get a line for each, unless nobody wants them', async (t) => {
  const integrations = { jupyterhub: { mode: 'off' } };
  const usual = await startGateway({ config: { integrations } });
  t.teardown(() => usual.stop());
  await (await fetch(`${usual.origin}/login`, { dispatcher })).text();
  t.match(await usual.line(/"msg":"access"/), '"path":"/login"');

  const quiet = await startGateway({ config: { integrations, log: { format: 'json', requests: 'none' } } });
  t.teardown(() => quiet.stop());
  await (await fetch(`${quiet.origin}/login`, { dispatcher })).text();
  await quiet.signal('SIGTERM');
  t.notMatch(quiet.output(), '"msg":"access"', 'also not after the last lines were written');
});
