import type { Backend } from '../kube/index.ts';
import { checkServiceName, hostLabel } from '../lib/index.ts';
import { byAge, calledOf, type Entry } from './entry.ts';

/** An address that somebody asks for in their namespace. */
export type Asked = {
  /** Which object asks: `Ingress web`. */
  object: string;
  /** As it stands there; undefined where it is every host. */
  host: string | undefined;
};

/** What is to be reached there; `name` is what the owner calls it, the part of the host before their own name. */
export type Granted = Asked & { host: string; name: string; label: string; backend: Backend };
/** Why not, as a whole sentence. */
export type Refused = Asked & { reason: string };

export type Wanted = { granted: Granted[]; refused: Refused[] };

type Grounds = {
  /** Name of the person or team. */
  owner: string;
  hostOfService(label: string): string;
};

/** So many addresses one owner may have by their own hand, and so many refusals are told. */
export const mostAddresses = 50;
const mostRefusals = 50;

/**
 * Which hosts of what stands in a namespace its owner may have, and what each leads to. Pure. Only hosts that the naming rule of services
 * gives this owner; the oldest object has a host that several ask for; whatever is not understood is refused.
 */
export function wantedOf(entries: Iterable<Entry>, grounds: Grounds): Wanted {
  const granted = new Map<string, Granted>();
  const refused: Refused[] = [];
  for (const entry of [...entries].filter(({ isEnding }) => !isEnding).sort(byAge)) {
    const object = calledOf(entry);
    const refuse = (host: string | undefined, reason: string): void =>
      void (refused.length < mostRefusals && refused.push({ object, host, reason }));
    const [problem] = entry.exposure.problems;
    if (problem !== undefined) {
      refuse(entry.exposure.rules[0]?.host, `It ${problem}.`);
      continue;
    }
    for (const [host, one] of hostsOf(entry)) {
      const named = nameIn(host, grounds);
      const before = granted.get(host ?? '');
      if ('reason' in named) refuse(host, named.reason);
      else if ('reason' in one) refuse(host, one.reason);
      else if (before !== undefined) refuse(host, `${before.object} has this host already: it is older.`);
      else if (granted.size >= mostAddresses)
        refuse(host, `One owner has at most ${mostAddresses} of these addresses.`);
      else granted.set(host!, { object, host: host!, ...named, ...one });
    }
  }
  return { granted: [...granted.values()], refused };
}

/** What each host of an object leads to: all its rules together. */
function hostsOf({ exposure }: Entry): Map<string | undefined, { backend: Backend } | { reason: string }> {
  const found = new Map<string | undefined, { backend: Backend } | { reason: string }>();
  for (const host of new Set(exposure.rules.map((rule) => rule.host))) {
    const rules = exposure.rules.filter((rule) => rule.host === host);
    const backends = new Map(
      rules.flatMap((rule) => rule.backends).map((one) => [`${one.service}:${one.port}`, one] as const),
    );
    const [beyond] = rules.flatMap((rule) => rule.beyond);
    const [backend, ...more] = backends.values();
    if (backend === undefined) found.set(host, { reason: 'It leads to nothing.' });
    else if (more.length > 0)
      found.set(host, { reason: 'It leads to several Services; Knot leads a whole host to one.' });
    else if (beyond !== undefined) found.set(host, { reason: `It ${beyond}.` });
    else found.set(host, { backend });
  }
  return found;
}

/** The part of a host that its owner chooses. Compared with what the naming rule makes of it: nothing is taken apart and believed. */
function nameIn(
  host: string | undefined,
  { owner, hostOfService }: Grounds,
): { name: string; label: string } | { reason: string } {
  const form = hostOfService(hostLabel('NAME', owner));
  if (host === undefined) return { reason: `It answers for every host; name one: ${form}.` };
  if (host.includes('*')) return { reason: `A wildcard is no host of yours; name one: ${form}.` };
  const name = host.slice(0, Math.max(0, host.length - hostOfService(hostLabel('', owner)).length));
  const label = hostLabel(name, owner);
  if (host !== hostOfService(label)) return { reason: `The host is not one of yours; those are called ${form}.` };
  const problem = checkServiceName(name);
  return problem === undefined ? { name, label } : { reason: `The host is ${form}. ${problem}` };
}
