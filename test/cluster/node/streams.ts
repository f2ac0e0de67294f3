import { text } from 'node:stream/consumers';
import type { Test } from 'tap';
import { openKube } from '../../../gateway/kube/index.ts';
import { systemClock } from '../../../gateway/lib/index.ts';
import { images } from './images.ts';
import { answering, makeNamespace, pod } from './pods.ts';
import type { RunningNode } from './start.ts';

/** What Knot itself does with a pod, on a real kubelet: simulated ones know no exit codes and no end of what is written to a program. */
export function testStreams(t: Test, node: RunningNode) {
  t.test('Knot runs programs, reads the log and reaches a port of a pod', async (t) => {
    await makeNamespace(node, 'streams');
    const serve = 'echo one; echo two >&2; echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp';
    await node.apply(
      pod('streams', 'talker', {
        containers: [{ name: 'c', image: images.box, command: ['sh', '-c', serve], ...answering(8080) }],
      }),
    );
    await node.until('pod/talker', 'condition=Ready', 'streams');
    const kube = await openKube({ kubeconfig: node.kubeconfig }, { clock: systemClock });
    t.teardown(() => kube.close());
    const run = (command: string[], more: object = {}) => kube.exec('streams', 'talker', { command, ...more });

    const program = await run(['sh', '-c', 'cat; echo bad >&2; exit 3'], { stdin: true });
    program.stdin.end('through '.repeat(50_000));
    const [out, bad] = await Promise.all([text(program.stdout), text(program.stderr)]);
    t.equal(out.length, 400_000, 'its end is passed on, and all of it came back');
    t.equal(bad, 'bad\n');
    t.match(await program.exit, { code: 3 });
    const none = await run(['no-such-program']);
    t.match(await none.exit, { message: /no-such-program/ }, 'what cannot be run says so');

    const shell = await run(['sh'], { stdin: true, terminal: { columns: 100, rows: 30 } });
    // A kubelet tells the size when the program runs already.
    shell.stdin.write('until stty size | grep -v "^0 0"; do :; done; exit 4\n');
    t.match(await text(shell.stdout), /30 100/);
    t.match(await shell.exit, { code: 4 });

    const lines: string[] = [];
    for await (const line of kube.logs('streams', 'talker', { follow: true })) {
      lines.push(line.text);
      if (lines.length === 2) break;
    }
    t.strictSame(lines.sort(), ['one', 'two']);

    const stream = await kube.portForward('streams', 'talker', 8080);
    stream.write('GET / HTTP/1.0\r\n\r\n');
    t.match(await text(stream), /hello\n$/);
    const closed = await kube.portForward('streams', 'talker', 8081);
    await t.rejects(text(closed), /8081|refused/);
  });
}
