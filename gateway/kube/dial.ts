import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { KubeCredentials } from './credentials.ts';

const timeoutMs = 10_000;
const mostHeadBytes = 16 * 1024;

/** An encrypted connection to the API server, through a proxy where the kubeconfig names one. HTTP/1.1 is spoken on it. */
export async function dial({ server, proxy, tls }: KubeCredentials, signal?: AbortSignal): Promise<TLSSocket> {
  const host = hostOf(server);
  const port = Number(server.port || 443);
  const options = {
    ...tls,
    ALPNProtocols: ['http/1.1'],
    ...(tls.servername === undefined && isIP(host) === 0 && { servername: host }),
  };
  const until = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
  const below = proxy && (await tunnel(proxy, `${host.includes(':') ? `[${host}]` : host}:${port}`, until));
  const socket = connectTls(below === undefined ? { ...options, host, port } : { ...options, host, socket: below });
  socket.on('error', toldByOthers);
  await established(socket, 'secureConnect', until);
  return socket.setKeepAlive(true, 30_000);
}

/** What a proxy connects to the target (RFC 9110 section 9.3.6). */
async function tunnel(proxy: URL, target: string, until: AbortSignal): Promise<Socket> {
  const host = hostOf(proxy);
  const isSecure = proxy.protocol === 'https:';
  const port = Number(proxy.port || (isSecure ? 443 : 80));
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = isSecure ? connectTls({ host, port, ...servername }) : connectTcp({ host, port });
  socket.on('error', toldByOthers);
  await established(socket, isSecure ? 'secureConnect' : 'connect', until);
  const { username, password } = proxy;
  const who = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username ? `Proxy-Authorization: Basic ${Buffer.from(who).toString('base64')}\r\n` : '';
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization}\r\n`);
  let head = '';
  try {
    while (!head.includes('\r\n\r\n')) {
      const [part] = (await once(socket, 'data', { signal: until })) as [Buffer];
      head += part.toString('latin1');
      if (head.length > mostHeadBytes) throw new Error('the proxy says too much');
    }
    if (!/^HTTP\/1\.[01] 2\d\d/.test(head)) throw new Error(`the proxy refused: ${head.slice(9, 12)}`);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

/** Of `[::1]` the address itself. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

/** Whoever waits hears of it, and whoever speaks on the connection sees it end; between the two nobody might. */
const toldByOthers = (): void => undefined;

async function established(socket: Socket, event: string, until: AbortSignal): Promise<void> {
  try {
    await once(socket, event, { signal: until });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
