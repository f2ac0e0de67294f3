import { type Invocation, UsageError } from '../command.ts';
import { openAccess } from './access.ts';
import { type Api, openApi } from './api.ts';

/** Options of every command that works on a Knot elsewhere. */
export const elsewhereOptions = { at: { type: 'string' }, ca: { type: 'string' } } as const;
export const elsewhereUsage = '[--at https://DOMAIN] [--ca FILE]';

/** Options of those that work here too, as somebody: `isHere` says where. */
export const eitherOptions = { as: { type: 'string' }, ...elsewhereOptions } as const;
export const eitherUsage = `[--as USER | ${elsewhereUsage}]`;

/**
 * Which Knot a command works on: this machine's own with --as, or with any setting of a gateway (--data, --config, …); else the one of
 * --at, KNOT_URL or the last `knot login`.
 * @throws UsageError for both at once
 */
export function isHere({ options, settings }: Invocation): boolean {
  const here = options['as'] !== undefined || Object.keys(settings).length > 0;
  if (!here || (options['at'] === undefined && options['ca'] === undefined)) return here;
  throw new UsageError('--as and the settings of a gateway work on this machine, --at and --ca on a Knot elsewhere');
}

export async function withApi<T>({ options }: Invocation, work: (api: Api) => Promise<T>): Promise<T> {
  const api = openApi(openAccess({ at: options['at'], ca: options['ca'] }));
  try {
    return await work(api);
  } finally {
    api.close();
  }
}
