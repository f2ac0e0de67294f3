import { createSecureServer } from 'node:http2';
import t from 'tap';
import { createHttp1Front } from '../../../gateway/proxy/listener/http1-front.ts';

t.test('a server whose connections Node serves in another way is not taken over', async (t) => {
  const place = {
    limits: { headerBytes: 1, headersMs: 1, keepAliveMs: 1 },
    isEnding: () => false,
    serve: () => false,
    noteUse: () => undefined,
    lines: { watch: () => undefined },
  };
  const server = createSecureServer({ allowHTTP1: true });
  createHttp1Front(server, place);
  t.equal(server.listenerCount('secureConnection'), 1, 'neighbour: as Node has it today');
  server.on('secureConnection', () => undefined);
  t.throws(() => void createHttp1Front(server, place), /not known/, 'two serve them');
  server.removeAllListeners('secureConnection');
  t.throws(() => void createHttp1Front(server, place), /not known/, 'nobody does');
});
