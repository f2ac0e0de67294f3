import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { openProcessEngine, skipWithoutSandbox } from './process-house.ts';
import { openIndex } from './tiny-index.ts';

/** A service whose template needs packages: installed before its program is started, seen by everybody, and stopped with it. */

/** Serves on a socket of its own what a package says of itself. */
const program = `
import os, socketserver, http.server, sys, tiny
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{tiny.version} {os.access(os.path.dirname(tiny.__file__), os.W_OK)}".encode()
        self.send_response(200); self.send_header('content-length', str(len(body))); self.end_headers(); self.wfile.write(body)
    def address_string(self): return ''
socketserver.UnixStreamServer(os.environ['LISTEN'], Answer).serve_forever()
`;
const runsPython = ['{python}', '-c', program.replaceAll('{', '{{').replaceAll('}', '}}')];
const needs = (...python: string[]) => ({ needs: { executables: [], python }, command: runsPython });

t.test('a service that needs packages', { skip: skipWithoutSandbox }, async (t) => {
  const index = await openIndex(t, [['tiny', '1.0']]);
  const { engine, service, ask } = await openProcessEngine(t);
  const goOn = index.hold('/files/tiny');

  const one = await service('', { plan: needs('tiny==1.0') });
  t.strictSame(await engine.missing(one.template.plan), []);
  await engine.start(one);
  await engine.start(one);
  await eventually('it downloads', async () => index.asked.some((url) => url.startsWith('/files/tiny')));
  t.strictSame(engine.observe(one), { phase: 'starting', revision: 1 });
  t.match(engine.steps(one), [
    { name: 'packages', title: 'Downloading tiny (1)', state: 'working', startedAt: Number },
    { name: 'program', state: 'waiting' },
    { name: 'answer', state: 'waiting' },
  ]);
  await engine.stop(one);
  t.strictSame(engine.observe(one), { phase: 'absent' });
  t.match(engine.steps(one), [{ state: 'failed', endedAt: Number }, { state: 'waiting' }]);

  // What was cut goes on when it is wanted again.
  goOn();
  const again = { ...one, revision: 2 };
  await engine.start(again);
  await eventually('it runs', async () => engine.observe(again).phase === 'running');
  t.equal(await ask(again), '1.0 False', 'its program has them, and cannot change them');
  t.match(engine.steps(again), [
    { title: 'Install 1 package', state: 'done' },
    { name: 'program', state: 'done' },
    { name: 'answer', state: 'done' },
  ]);

  // What cannot be had is said, and nothing is tried again before somebody wants it.
  const other = await service('', { plan: needs('nosuch==1.0') });
  await engine.start(other);
  await eventually('it is given up', async () => engine.observe(other).phase === 'gone');
  t.match(engine.observe(other), {
    cause: {
      code: 'packages-package',
      what: /does not have one of the Python packages.*nosuch==1.0/,
      remedy: /author|wrote/,
    },
  });
  await engine.stop(other);
  t.strictSame(engine.observe(other), { phase: 'absent' });

  // A program of the machine that was there when it was launched, and is not any more.
  const gone = await service('', { plan: { command: ['no-such-program'] } });
  await engine.start(gone);
  await eventually('it is given up', async () => engine.observe(gone).phase === 'gone');
  t.match(engine.observe(gone), { cause: { code: 'no-program', lines: [/no-such-program is not installed/] } });
  t.match(engine.steps(gone), [
    { name: 'program', state: 'done' },
    { name: 'answer', state: 'failed' },
  ]);
});
