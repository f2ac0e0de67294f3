import type { AddressInfo, Server } from 'node:net';
import type { ListenAddress } from '../config/index.ts';
import { knotError, type Log } from '../lib/index.ts';

/**
 * Starts listening and resolves with the port that was really bound (the configuration may say 0).
 * @throws KNOT_APP_ADDRESS_IN_USE, KNOT_APP_ADDRESS_UNUSABLE
 */
export async function listenOn(server: Server, { host, port }: ListenAddress, log: Log): Promise<number> {
  await new Promise<void>((done, fail) => {
    const onError = (error: NodeJS.ErrnoException): void => fail(describe(error, host, port));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      // A connection that cannot be accepted (no file descriptors or buffers left) is told here, for as long as it listens.
      server.on('error', (error) => log.error({ err: error }, 'the listener failed'));
      done();
    });
  });
  return (server.address() as AddressInfo).port;
}

function describe(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  if (error.code === 'EADDRINUSE') {
    return knotError('KNOT_APP_ADDRESS_IN_USE', 500, `Another program listens on ${address}.`, {
      cause: error,
      remedy: 'End it, or choose another address: --listen HOST:PORT.',
    });
  }
  return knotError('KNOT_APP_ADDRESS_UNUSABLE', 500, `The gateway cannot listen on ${address} (${error.code}).`, {
    cause: error,
    remedy: 'Choose another address: --listen HOST:PORT. Ports below 1024 need a permission.',
  });
}
