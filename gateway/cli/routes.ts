import { stringify } from 'yaml';
import { knotError } from '../lib/index.ts';
import { type Route, upstreamAddress } from '../routes/index.ts';
import { type Command, table } from './command.ts';
import { withFacts } from './facts.ts';

const whereTo = ({ upstream }: Route): string => upstream.socket ?? upstreamAddress(upstream);
/** Of a service its owner, whatever the field says. */
const audienceOf = ({ service, audience }: Route): string => service?.owner ?? audience;

export const routeCommands: readonly Command[] = [
  {
    words: ['routes', 'list'],
    usage: '[--json]',
    summary: 'Lists which host leads where.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const found = await withFacts(invocation, async ({ routes }) => [...routes.list()]);
      const rows = found.map((route) => [route.host, route.kind, audienceOf(route), whereTo(route)]);
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(found, null, 2)
          : table([['HOST', 'KIND', 'AUDIENCE', 'UPSTREAM'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['routes', 'show'],
    usage: 'HOST [--json]',
    summary: 'Prints one route with everything that is allowed on it beyond the strict default.',
    options: { json: { type: 'boolean' } },
    positionals: [1, 1],
    async run(invocation) {
      const host = invocation.positionals[0]!.toLowerCase().replace(/:\d+$/, '');
      const route = await withFacts(invocation, async ({ routes }) => routes.find(host));
      if (!route) {
        throw knotError('KNOT_CLI_NO_SUCH_ROUTE', 404, `No route has the host "${host}".`, {
          remedy: '`knot routes list` shows all of them.',
        });
      }
      const { upstream, ...rest } = route;
      const shown = {
        ...rest,
        upstream: whereTo(route),
        ownAuthority: upstream.ca !== undefined,
        http2: upstream.http2 === true,
      };
      const output = invocation.options['json'] === true ? `${JSON.stringify(route, null, 2)}\n` : stringify(shown);
      invocation.streams.stdout.write(output);
    },
  },
];
