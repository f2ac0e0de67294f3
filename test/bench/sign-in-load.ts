/**
 * People who sign in: the process that `sign-in.ts` starts. A process of its own and less urgent than the ones that measure, because in real life
 * a thousand people have a thousand processors, while their handshakes here would delay what probes the gateway.
 */
import { Agent } from 'node:https';
import { getPriority, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { signIn, type SignInLoad, type SignInLoadFigures } from './sign-in.ts';

setPriority(Math.min(19, getPriority() + 19));
const { port, people, count, spreadSeconds } = JSON.parse(process.argv[2]!) as SignInLoad;
const startedAt = performance.now();
const waitsMs: number[] = [];
let askedToWait = 0;
await Promise.all(
  Array.from({ length: count }, async (_, index) => {
    await delay((spreadSeconds * 1000 * index) / count);
    const from = performance.now();
    await signInUntilIn(people[index % people.length]!);
    waitsMs.push(performance.now() - from);
  }),
);
const figures: SignInLoadFigures = { waitsMs, askedToWait, seconds: (performance.now() - startedAt) / 1000 };
process.stdout.write(JSON.stringify(figures));

/** Tries again when asked to, a little after the time the page names, on the connection that is open, as a browser does. */
async function signInUntilIn(username: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (let tries = 1; ; tries++) {
      const { status, retryAfter } = await signIn({ port }, username, agent);
      if (status === 303) return;
      if (status !== 503 || tries > 100) throw new Error(`signing in as ${username} was answered with ${status}`);
      askedToWait += 1;
      await delay(retryAfter * 1000 * (1 + Math.random() / 5));
    }
  } finally {
    agent.destroy();
  }
}
