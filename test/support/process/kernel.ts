import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { WebSocket } from 'ws';
import { patienceMs } from '../eventually.ts';
import type { Person } from './person.ts';

/** Starts a kernel on a person's own notebook server through the gateway. */
export async function startKernel(
  person: Person,
  hubOrigin: string,
  username: string,
): Promise<{ id: string; socketUrl: string }> {
  return startKernelAt(person, `${hubOrigin}/user/${username}`);
}

/** The same on any server of Jupyter. */
export async function startKernelAt(person: Person, base: string): Promise<{ id: string; socketUrl: string }> {
  const xsrf = person.cookiesFor(`${base}/`).get('_xsrf') ?? '';
  const answer = await person.request('POST', `${base}/api/kernels`, {
    headers: {
      'content-type': 'application/json',
      'x-xsrftoken': xsrf,
      origin: new URL(base).origin,
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'cors',
    },
    body: '{}',
  });
  if (answer.status !== 201) throw new Error(`no kernel: ${answer.status} ${answer.text.slice(0, 500)}`);
  const { id } = answer.json<{ id: string }>();
  return { id, socketUrl: `${base.replace('https:', 'wss:')}/api/kernels/${id}/channels?session_id=${randomUUID()}` };
}

/** Runs one cell and resolves with its `text/plain` result (Jupyter messaging protocol 5.3, JSON frames). */
export async function runCell(socket: WebSocket, code: string, withinMs = patienceMs): Promise<string> {
  if (socket.readyState === socket.CONNECTING) await once(socket, 'open');
  const messageId = randomUUID();
  const header = {
    msg_id: messageId,
    msg_type: 'execute_request',
    username: '',
    session: randomUUID(),
    version: '5.3',
    date: '',
  };
  const content = {
    code,
    silent: false,
    store_history: true,
    user_expressions: {},
    allow_stdin: false,
    stop_on_error: true,
  };
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no result of ${code} in ${withinMs} ms`)), withinMs);
    const onMessage = (data: Buffer): void => {
      const message = JSON.parse(String(data)) as {
        msg_type?: string;
        header?: { msg_type: string };
        parent_header?: { msg_id?: string };
        content: { data?: Record<string, string>; evalue?: string };
      };
      if (message.parent_header?.msg_id !== messageId) return;
      const type = message.msg_type ?? message.header?.msg_type;
      if (type !== 'execute_result' && type !== 'error') return;
      clearTimeout(timer);
      socket.off('message', onMessage);
      if (type === 'error') reject(new Error(message.content.evalue));
      else resolve(message.content.data!['text/plain']!);
    };
    socket.on('message', onMessage);
    socket.send(JSON.stringify({ header, parent_header: {}, metadata: {}, content, channel: 'shell', buffers: [] }));
  });
}
