import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { atSocket } from '../../routes/index.ts';

const patienceMs = 2_000;

/** Whether a program answers on its socket with anything but a failure of its own. */
export async function answersAt(socketPath: string, path: string): Promise<boolean> {
  let socket: Socket;
  try {
    socket = atSocket(socketPath, (held) => connect(held));
  } catch {
    // It does not listen yet.
    return false;
  }
  return new Promise((resolve) => {
    const headers = { host: 'localhost', connection: 'close' };
    const asked = request({ path, headers, createConnection: () => socket });
    asked.setTimeout(patienceMs, () => asked.destroy(new Error('no answer in time')));
    asked.once('response', (response) => {
      response.destroy();
      resolve((response.statusCode ?? 500) < 500);
    });
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
