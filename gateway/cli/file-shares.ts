import { parseListen, publicAddress } from '../config/index.ts';
import { areaOfKey, pathOfText, textOfPath } from '../files/index.ts';
import { openFilesBeside } from '../app/index.ts';
import { knotError } from '../lib/index.ts';
import { partyWords, type Share, type ShareParty } from '../shares/index.ts';
import { type Command, type Invocation, required, table } from './command.ts';
import type { Api } from './elsewhere/api.ts';
import { eitherOptions, eitherUsage, isHere, withApi } from './elsewhere/which.ts';
import { actor, withFacts } from './facts.ts';
import { shownPlace, type Typed, typedPlace } from './files/address.ts';
import { cameWords, type LetIn, letIn, letInOptions, type Made, sayEnded, sayMade, untilWords } from './share-words.ts';

const options = { ...eitherOptions, json: { type: 'boolean' } } as const;
const which = `[--json] ${eitherUsage}`;

type Listed = Pick<Share, 'id' | 'right' | 'expiresAt'> & {
  area: string;
  path: string;
  with: string;
  uses: { name: string; lastAt: number; times: number }[];
};

/** The shares of one person and their teams, on this machine or elsewhere. */
type ShareSide = {
  create(place: Typed, wish: LetIn): Promise<Made>;
  list(): Promise<Listed[]>;
  end(id: string): Promise<void>;
};

const withShares = <T>(invocation: Invocation, work: (side: ShareSide) => Promise<T>): Promise<T> =>
  isHere(invocation) ? withSharesHere(invocation, work) : withApi(invocation, (api) => work(sharesThere(api)));

const sharesThere = (api: Api): ShareSide => ({
  create: async (place, wish) =>
    (await api.json('/api/v1/shares', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        area: place.area,
        path: textOfPath(place.path),
        ...wish,
      }),
    })) as Made,
  list: async () => ((await api.json('/api/v1/shares'))['given'] ?? []) as Listed[],
  end: async (id) => void (await api.call(`/api/v1/shares/${encodeURIComponent(id)}`, { method: 'DELETE' })).resume(),
});

/** On the gateway's own machine; whoever runs it owns the disk, so that nobody is asked whether they may. */
function withSharesHere<T>(invocation: Invocation, work: (side: ShareSide) => Promise<T>): Promise<T> {
  return withFacts(invocation, async (facts, config) => {
    const { accounts, owners, shares } = facts;
    const person = await accounts.principalByName(required(invocation, 'as'));
    if (!person) throw noPlace(`There is no user "${required(invocation, 'as')}".`);
    await shares.load();
    const areas = (await owners.areasOf(person)).filter(({ owner }) => owner !== undefined);
    const by = { actor: actor.name };

    async function partyOf(whom: string): Promise<ShareParty> {
      if (whom === 'guest') return { kind: 'guest' };
      const [, kind, name = ''] = /^(user|team):(.+)$/.exec(whom) ?? [];
      const owner = kind === undefined ? undefined : await owners.find(name);
      if (owner?.kind !== kind || owner === undefined) throw noPlace(`There is no person or team "${whom}".`);
      return { kind: owner.kind, id: owner.id, name: owner.name };
    }

    return work({
      async create(place, { with: whom, ...wish }) {
        const area = areas.find(({ name }) => name === place.area);
        const disk = area && areaOfKey(area.key);
        if (!area?.owner || !disk) throw noPlace(`There is no area "${place.area}" that could be shared.`);
        const files = await openFilesBeside(facts, config);
        try {
          files?.look(disk, place.path);
        } finally {
          await files?.close();
        }
        const { kind, id } = area.owner;
        const thing = { kind: 'files', id: area.key, path: textOfPath(place.path) } as const;
        const party = await partyOf(whom);
        const made = await shares.create({ thing, owner: { kind, id }, party, ...wish }, by);
        if (made.secret === undefined) return { share: made.share };
        const { origin } = publicAddress(config, parseListen(config.listen).port);
        return { share: made.share, url: `${origin}/s/${made.secret}` };
      },
      async list() {
        const given = areas.flatMap((area) =>
          shares.of({ kind: 'files', id: area.key }).map((share) => ({ share, area })),
        );
        const uses = await shares.usesOf(given.map(({ share }) => share));
        return given.map(({ share, area }) => ({
          id: share.id,
          area: area.name,
          path: share.thing.path,
          with: partyWords(share.party),
          right: share.right,
          expiresAt: share.expiresAt,
          uses: uses.get(share.id) ?? [],
        }));
      },
      end: (id) => shares.revoke(id, by),
    });
  });
}

export const shareCommands: readonly Command[] = [
  {
    words: ['files', 'share'],
    usage: `AREA:/PATH --with user:NAME|team:NAME|guest --right view|edit|upload [--for 12h|7d] [--one-browser] ${which}`,
    summary:
      'Lets somebody into a folder or file; for a guest it prints the link, once. A guest needs --for, of 90 days at most.',
    options: { ...options, ...letInOptions },
    positionals: [1, 1],
    async run(invocation) {
      const place = typedPlace(invocation.positionals[0]!);
      const wish = letIn(invocation, ['view', 'edit', 'upload']);
      const made = await withShares(invocation, (side) => side.create(place, wish));
      sayMade(invocation, shownPlace(place), wish.with, made);
    },
  },
  {
    words: ['files', 'shares'],
    usage: which,
    summary: 'Lists whom you let into your files and those of the teams you manage, and who came last.',
    options,
    positionals: [0, 0],
    async run(invocation) {
      const shares = await withShares(invocation, (side) => side.list());
      const rows = shares.map(({ id, area, path, with: whom, right, expiresAt, uses }) => {
        return [id, shownPlace({ area, path: pathOfText(path) }), whom, right, untilWords(expiresAt), cameWords(uses)];
      });
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(shares, null, 2)
          : table([['ID', 'WHAT', 'WITH', 'RIGHT', 'END', 'CAME LAST'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['files', 'unshare'],
    usage: `ID ${which}`,
    summary: 'Ends a share at once, with all that is open by it.',
    options,
    positionals: [1, 1],
    async run(invocation) {
      const id = invocation.positionals[0]!;
      await withShares(invocation, (side) => side.end(id));
      sayEnded(invocation, id);
    },
  },
];

const noPlace = (message: string) =>
  knotError('KNOT_CLI_NO_AREA', 404, message, {
    remedy: 'Areas are private (with --as USER) and team:NAME; with whom is user:NAME, team:NAME or guest.',
  });
