import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import type { Change, Changed } from '../../gateway/api/contract.ts';
import type { openHouse } from './house.ts';

type House = Awaited<ReturnType<typeof openHouse>>;

/** Opens the event stream over a real socket and collects what it tells. */
export async function follow(house: House, cookie: string) {
  if (!house.app.server.listening) await house.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = house.app.server.address() as AddressInfo;
  const answer = await request(`http://127.0.0.1:${port}/api/v1/events`, { headers: { cookie } });
  const told: Change[] = [];
  let isEnded = false;
  let isTold = false;
  let text = '';
  answer.body.on('data', (chunk: Buffer) => {
    text += String(chunk);
    const end = text.lastIndexOf('\n\n') + 2;
    for (const [, data] of text.slice(0, end).matchAll(/event: changed\ndata: (.*)\n/g)) {
      told.push(...(JSON.parse(data ?? '') as Changed).changes);
    }
    if (text.slice(0, end).includes('event: ended\n')) isTold = true;
    text = text.slice(end);
  });
  void Promise.race([once(answer.body, 'end'), once(answer.body, 'close')]).then(
    () => void (isEnded = true),
    () => void (isEnded = true),
  );
  return {
    answer,
    told,
    topics: (): string[] => told.map(({ topic }) => topic),
    isEnded: () => isEnded,
    isTold: () => isTold,
    stop: () => answer.body.destroy(),
  };
}
