import type { RequestOptions } from 'node:https';
import { request } from 'node:https';
import { changeKeyOf, changeService, findService } from '../../gateway/services/records.ts';
import type { FileFigure } from './files.ts';
import { median, sleep } from './generators.ts';
import { factsOf, type RunningKnot } from './knot.ts';

/** The first byte of the page that stands for a service that sleeps, as a browser of its owner gets it, over a connection that stays. */
export async function measureWaking(
  knot: RunningKnot,
  {
    id,
    host,
    cookie,
    agent,
    stateOf,
  }: Pick<RequestOptions, 'agent'> & { id: string; host: string; cookie: string; stateOf: () => Promise<string> },
  turns: number,
): Promise<FileFigure> {
  const { facts } = await factsOf(knot.configFile);
  const until = async (state: string): Promise<void> => {
    while ((await stateOf()) !== state) await sleep(20);
  };
  const open = () =>
    new Promise<number>((resolve, reject) => {
      const startedAt = performance.now();
      const asked = request({
        ...{ agent, path: '/small.txt', host: '127.0.0.1', port: knot.port, servername: host },
        headers: {
          ...{ host: `${host}:${knot.port}`, cookie, accept: 'text/html' },
          ...{ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'none' },
        },
      });
      asked.on('response', (response) => {
        if (response.statusCode !== 503) reject(new Error(`what sleeps was answered with ${response.statusCode}`));
        response.once('data', () => resolve(performance.now() - startedAt)).resume();
      });
      asked.on('error', reject).end();
    });
  const times: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    await facts.store.transaction(async ({ db, announce }) => {
      const service = (await findService(db, id))!;
      await changeService(db, service, { wish: 'asleep' });
      announce({ topic: 'services', key: changeKeyOf(service) });
    });
    await until('sleeping');
    times.push(await open());
    await until('ready');
  }
  await facts.close();
  const value = median(times);
  return { what: 'first byte of the page that wakes', value, unit: 'ms', bar: '≤ 50', isMet: value <= 50 };
}
