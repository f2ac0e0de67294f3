import { request } from 'node:http';

const patienceMs = 2_000;

/** Whether a program answers on its socket with anything but a failure of its own. */
export function answersAt(socketPath: string, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, headers: { host: 'localhost', connection: 'close' }, agent: false });
    asked.setTimeout(patienceMs, () => asked.destroy(new Error('no answer in time')));
    asked.once('response', (response) => {
      response.destroy();
      resolve((response.statusCode ?? 500) < 500);
    });
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
