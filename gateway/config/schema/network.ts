import { Type } from 'typebox';
import { type HostPattern, readHostPattern } from '../../lib/index.ts';
import { type AddProblem, object } from './section.ts';

/** Which hosts programs of people reach; everything else is closed. */
export function networkConfig(hosts: readonly string[], description: string) {
  return object(
    {
      hosts: Type.Array(Type.String({ maxLength: 260 }), {
        default: [...hosts],
        description:
          'Hosts of the internet: pypi.org, *.example.org (what is below), api.example.org:8443, or * for every one; without a port those of the web (80, 443).',
      }),
      internal: Type.Array(Type.String({ maxLength: 260 }), {
        default: [],
        description:
          'Hosts inside, for example a mirror of packages: only these may be at a private address; never this machine.',
      }),
    },
    description,
  );
}

/** The host or hosts that a setting names; undefined, and said, where it names none. */
export function checkHost(path: string, text: string, add: AddProblem): HostPattern | undefined {
  const pattern = readHostPattern(text);
  if (pattern === undefined)
    add(path, `must be a host such as pypi.org, *.example.org or db.example.org:5432, but it is "${text}"`);
  return pattern;
}

/** Each host must be one. */
export function checkNetwork(
  at: string,
  network: Record<'hosts' | 'internal', readonly string[]>,
  add: AddProblem,
): void {
  for (const kind of ['hosts', 'internal'] as const)
    network[kind].forEach((host, index) => {
      const path = `${at}.${kind}[${index}]`;
      const pattern = checkHost(path, host, add);
      if (kind === 'internal' && pattern?.covers === 'every')
        add(path, 'must name hosts: every host inside would be open');
    });
}
