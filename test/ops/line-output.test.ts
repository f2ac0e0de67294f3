import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createLineOutput, type LineOutputOptions } from '../../gateway/ops/line-output.ts';
import { eventually } from '../support/eventually.ts';

/** So long that what is written sooner was not written by the timer. */
const never = { waitMs: 3_600_000 };

function outputTo(t: Test, options: LineOutputOptions) {
  const path = join(t.testdir({ log: '' }), 'log');
  const descriptor = openSync(path, 'a');
  t.teardown(() => closeSync(descriptor));
  return { output: createLineOutput(descriptor, options), text: () => readFileSync(path, 'utf8') };
}

/** A process of its own whose standard output is written by `script`, which has `output`. */
function run(script: string): ChildProcess {
  const door = new URL('../../gateway/ops/line-output.ts', import.meta.url).pathname;
  const code = `const { createLineOutput } = await import(${JSON.stringify(door)});
    const output = createLineOutput(1, { waitMs: ${never.waitMs} });
    process.on('exit', output.flush);
    ${script}`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
}

t.test('lines keep their order, however they are written', async (t) => {
  const { output, text } = outputTo(t, { waitMs: 5 });
  const lines = Array.from({ length: 20_000 }, (_, index) => `${index} äöü ${'x'.repeat(index % 50)}\n`);
  for (const [index, line] of lines.entries()) {
    if (index % 1000 === 0) output.write(line);
    else output.writeSoon(line);
    if (index % 3000 === 0) await new Promise(setImmediate);
  }
  await eventually('the lines are there', () => text().length >= lines.join('').length);
  t.equal(text(), lines.join(''));
});

t.test('a line that may wait comes after its time', async (t) => {
  const { output, text } = outputTo(t, { waitMs: 1 });
  output.writeSoon('first\n');
  await eventually('the lines are there', () => text() === 'first\n');
  output.writeSoon('second\n');
  await eventually('the lines are there', () => text() === 'first\nsecond\n');
});

t.test('a line that may wait comes with one that may not', async (t) => {
  const { output, text } = outputTo(t, never);
  output.writeSoon('waits\n');
  output.write('goes\n');
  await eventually('the lines are there', () => text() === 'waits\ngoes\n');
});

t.test('lines that may wait come when there are many of them', async (t) => {
  const { output, text } = outputTo(t, never);
  const line = `${'x'.repeat(99)}\n`;
  for (let count = 0; count < 200; count++) output.writeSoon(line);
  await eventually('the lines are there', () => text().length >= 16 * 1024);
});

t.test('in front of a person no line waits', async (t) => {
  const { output, text } = outputTo(t, { ...never, isImmediate: true });
  output.writeSoon('first\n');
  output.writeSoon('second\n');
  await eventually('the lines are there', () => text() === 'first\nsecond\n');
});

t.test('a flush writes what waits, and only once', async (t) => {
  const { output, text } = outputTo(t, never);
  output.writeSoon('waits\n');
  output.flush();
  t.equal(text(), 'waits\n');
  output.flush();
  output.write('goes\n');
  await eventually('the lines are there', () => text() === 'waits\ngoes\n');
});

t.test('nothing is lost when the process exits at once', async (t) => {
  const child = run(`for (let n = 0; n < 5000; n++) output.writeSoon(n + ' '.repeat(80) + '\\n'); process.exit(3);`);
  let text = '';
  child.stdout!.on('data', (chunk) => (text += String(chunk)));
  const [status] = (await once(child, 'close')) as [number];
  t.equal(status, 3);
  const numbers = text.split('\n').slice(0, -1).map(Number);
  t.same(
    numbers.toSorted((a, b) => a - b),
    Array.from({ length: 5000 }, (_, n) => n),
  );
});

t.test('a reader that is gone costs lines, not the process', async (t) => {
  const child = run(`output.write('ready\\n');
    process.stdin.once('data', async () => {
      for (let n = 0; n < 200; n++) {
        output.write(n + '\\n');
        output.writeSoon(n + '\\n');
        await new Promise((done) => setTimeout(done, 1));
      }
      process.exit(5);
    });`);
  await once(child.stdout!, 'data');
  child.stdout!.destroy();
  child.stdin!.write('go\n');
  const [status] = (await once(child, 'close')) as [number];
  t.equal(status, 5, 'it came to its end');
});

t.test('what nobody takes is bounded, and no line is cut', async (t) => {
  const child = run(`const line = 'x'.repeat(1023) + '\\n';
    for (let n = 0; n < 40 * 1024; n++) output.writeSoon(line);
    process.exit(0);`);
  let text = '';
  child.stdout!.on('data', (chunk) => (text += String(chunk)));
  await once(child, 'close');
  t.ok(text.length > 8 * 1024 * 1024 && text.length <= 16 * 1024 * 1024, String(text.length));
  t.ok(text.split('\n').every((line) => line === '' || line.length === 1023));
});
