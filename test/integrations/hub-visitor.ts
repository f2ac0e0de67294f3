import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { patienceMs } from '../support/eventually.ts';

type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

/** A browser of one person as the gateway forwards it: cookies by path, public Host, `X-Knot-User`. */
export function createVisitor(facts: {
  port: number;
  origin: string;
  username: string;
  /** What the gateway tells of their groups; nothing when left out. */
  groups?: string;
  cookies?: Map<string, string>;
}) {
  const { port, origin } = facts;
  const host = new URL(origin).host;
  const cookies = facts.cookies ?? new Map<string, string>();

  const cookieHeader = (path: string) =>
    [...cookies]
      .filter(([key]) => path.startsWith(key.split(' ')[1]!))
      .map(([key, value]) => `${key.split(' ')[0]}=${value}`)
      .join('; ');

  const send = async (
    path: string,
    options: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ) => {
    const outgoing = request({
      port,
      path,
      method: options.method ?? 'GET',
      headers: {
        host,
        'x-forwarded-proto': 'https',
        'x-knot-user': facts.username,
        ...(facts.groups !== undefined && { 'x-knot-groups': facts.groups }),
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        'sec-fetch-site': 'same-origin',
        cookie: cookieHeader(path),
        ...options.headers,
      },
      agent: false,
    });
    outgoing.end(options.body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of incoming.setEncoding('utf8')) body += chunk as string;
    for (const line of incoming.headers['set-cookie'] ?? []) {
      const [pair] = line.split(';');
      const at = pair!.indexOf('=');
      const cookiePath = /path=([^;]+)/i.exec(line)?.[1] ?? '/';
      cookies.set(`${pair!.slice(0, at)} ${cookiePath}`, pair!.slice(at + 1));
    }
    return { status: incoming.statusCode!, headers: incoming.headers, body } satisfies Answer;
  };

  /** Follows redirects on the hub; the provider's sign-in answers with the username as code. */
  const open = async (path: string): Promise<Answer & { path: string }> => {
    let current = path;
    for (let hop = 0; hop < 40; hop++) {
      const answer = await send(current);
      const location = answer.headers.location;
      if (location === undefined || answer.status < 300 || answer.status >= 400) return { ...answer, path: current };
      const target = new URL(location, `${origin}${current}`);
      if (target.pathname === '/oidc/auth') {
        const callback = new URL(target.searchParams.get('redirect_uri')!);
        if (callback.origin !== origin) throw new Error(`the hub sends people to ${callback.origin}`);
        current = `${callback.pathname}?code=${facts.username}&state=${encodeURIComponent(target.searchParams.get('state')!)}`;
      } else {
        if (target.origin !== origin) throw new Error(`the hub redirects to ${target.origin}`);
        current = target.pathname + target.search;
        if (current.includes('/spawn-pending/')) await delay(300);
      }
    }
    throw new Error('too many redirects');
  };

  /** Signs in, starts the person's server and waits until its page is there. */
  const startServer = async () => {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const page = await open('/hub/spawn');
      if (page.status === 200 && page.path.startsWith(`/user/${facts.username}/lab`)) return page;
      await delay(300);
      const lab = await open(`/user/${facts.username}/lab`);
      if (lab.status === 200 && lab.path.startsWith(`/user/${facts.username}/lab`)) return lab;
    }
    throw new Error('the notebook server did not start');
  };

  /** As a page of the person's server sends it, or one of the hub (`/hub/`). */
  const post = (path: string, page = `/user/${facts.username}/`, body = '') =>
    send(path, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-xsrftoken': cookies.get(`_xsrf ${page}`) ?? '',
        origin,
        'sec-fetch-mode': 'cors',
      },
    });

  const startKernel = async () => {
    const page = `/user/${facts.username}/`;
    const answer = await post(`${page}api/kernels`, page, '{"name":"python3"}');
    if (answer.status !== 201) throw new Error(`starting a kernel: ${answer.status} ${answer.body.slice(0, 300)}`);
    return (JSON.parse(answer.body) as { id: string }).id;
  };

  /** Runs code in a kernel over its WebSocket and returns what it printed. */
  const run = async (kernel: string, code: string): Promise<string> => {
    const path = `/user/${facts.username}/api/kernels/${kernel}/channels?session_id=test`;
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
      headers: { host, origin, cookie: cookieHeader(path), 'x-knot-user': facts.username },
    });
    await once(socket, 'open');
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let printed = '';
    socket.on('error', reject);
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as {
        header: { msg_type: string };
        parent_header: { msg_id?: string };
        content: { text?: string; ename?: string; evalue?: string; execution_state?: string };
      };
      if (message.parent_header.msg_id !== 'one') return;
      if (message.header.msg_type === 'stream') printed += message.content.text;
      if (message.header.msg_type === 'error') reject(new Error(`${message.content.ename}: ${message.content.evalue}`));
      if (message.header.msg_type === 'status' && message.content.execution_state === 'idle') resolve(printed);
    });
    socket.send(
      JSON.stringify({
        channel: 'shell',
        header: { msg_id: 'one', msg_type: 'execute_request', username: '', session: 'test', version: '5.3' },
        parent_header: {},
        metadata: {},
        content: { code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false },
      }),
    );
    const timeout = setTimeout(() => reject(new Error(`no answer from the kernel: ${printed}`)), patienceMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timeout);
      socket.close();
    }
  };

  return { cookies, send, post, open, startServer, startKernel, run };
}
