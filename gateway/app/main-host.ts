import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import type { AccessEntry } from '../lib/index.ts';
import { accessHook, type ProcessLog } from '../ops/index.ts';
import { canonicalOf } from '../proxy/index.ts';
import { shapeErrors } from './errors.ts';

/** The server of the main host, without its routes: bounds, the shape of its errors, access lines. */
export async function createMainHost(options: {
  domain: string;
  onAccess: (entry: AccessEntry) => void;
  log: ProcessLog;
}): Promise<FastifyInstance> {
  const { domain, onAccess, log } = options;
  const main = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1024 * 1024,
  }) as unknown as FastifyInstance;
  shapeErrors(main, log);
  await main.register(accessHook, { onAccess, domain });
  return main;
}

/** The same of Node's request. */
export function addressOfRaw(request: IncomingMessage): string {
  return canonicalOf(request)?.address ?? request.socket.remoteAddress ?? '';
}

/** The client's address as the edge found it, through trusted proxies. */
export function addressOf(request: { raw: object; ip: string }): string {
  return canonicalOf(request.raw)?.address ?? request.ip;
}
