import { askAt } from '../ask.ts';

/** Whether a program answers on its socket with anything but a failure of its own. */
export async function answersAt(socketPath: string, path: string): Promise<boolean> {
  const answer = await askAt({ hostname: 'localhost', port: 80, socket: socketPath }, path, { readsBody: false });
  return answer !== undefined && answer.status < 500;
}
