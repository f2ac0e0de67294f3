import { type Command, table } from './command.ts';
import { eitherUsage } from './elsewhere/which.ts';
import { asJson, find, isJson, send, serviceOptions as options, withServices } from './services.ts';
import { cameWords, letIn, letInOptions, type Made, sayEnded, sayMade, untilWords } from './share-words.ts';

type Share = {
  id: string;
  with: string;
  right: string;
  expiresAt: number | null;
  uses: { name: string; lastAt: number }[];
};

const which = `[--json] ${eitherUsage}`;
const sharesOf = ({ id }: { id: string }): string => `/api/v1/services/${id}/shares`;

/** Whom one lets into a service. */
export const serviceShareCommands: readonly Command[] = [
  {
    words: ['service', 'share'],
    usage: `NAME --with user:NAME|team:NAME|guest --right view|open [--for 12h|7d] [--one-browser] ${which}`,
    summary:
      'Lets somebody look at a service or use it; for a guest it prints the link, once. A guest needs --for, of 90 days at most.',
    options: { ...options, ...letInOptions },
    positionals: [1, 1],
    async run(invocation) {
      const wish = letIn(invocation, ['view', 'open']);
      await withServices(invocation, async (api) => {
        const service = await find(api, invocation.positionals[0]!);
        const made = await send<Made>(api, 'POST', sharesOf(service), wish);
        sayMade(invocation, service.name, wish.with, made);
      });
    },
  },
  {
    words: ['service', 'shares'],
    usage: `NAME ${which}`,
    summary: 'Lists whom you let into a service, and who came last.',
    options,
    positionals: [1, 1],
    run: (invocation) =>
      withServices(invocation, async (api) => {
        const service = await find(api, invocation.positionals[0]!);
        const { shares } = await send<{ shares: Share[] }>(api, 'GET', sharesOf(service));
        const rows = shares.map(({ id, with: whom, right, expiresAt, uses }) => {
          return [id, whom, right, untilWords(expiresAt), cameWords(uses)];
        });
        invocation.streams.stdout.write(
          isJson(invocation) ? asJson(shares) : `${table([['ID', 'WITH', 'RIGHT', 'END', 'CAME LAST'], ...rows])}\n`,
        );
      }),
  },
  {
    words: ['service', 'unshare'],
    usage: `NAME ID ${which}`,
    summary: 'Ends a share of a service at once, with all that is open by it.',
    options,
    positionals: [2, 2],
    run: (invocation) =>
      withServices(invocation, async (api) => {
        const [named, id] = invocation.positionals as [string, string];
        const service = await find(api, named);
        await send(api, 'DELETE', `${sharesOf(service)}/${encodeURIComponent(id)}`);
        sayEnded(invocation, id);
      }),
  },
];
