/** What a token may do: from the boxes of its form to scopes, and from scopes to words. Pure. */
import { listed } from '#lib/words.ts';

/** Parts of the API that a token can be for, in the order of the form. */
export const parts = [
  'files',
  'shares',
  'services',
  'metrics',
  'kubernetes',
  'workflows',
  'teams',
  'account',
  'admin',
] as const;
export type Part = (typeof parts)[number];
export type Reach = 'none' | 'read' | 'write';

export const partTitles: Record<Part, string> = {
  files: 'Files',
  shares: 'Shares',
  services: 'Services',
  metrics: 'Metrics',
  kubernetes: 'Kubernetes',
  workflows: 'Workflows',
  teams: 'Teams',
  account: 'Who I am',
  admin: 'Administering',
};

const verbs = { read: 'read', write: 'read and change' } as const;

const objects: Record<Part, { read: string; write: string }> = {
  files: { read: 'read files', write: 'read and change files' },
  shares: { read: 'see what I share', write: 'see and change what I share' },
  services: {
    read: 'see what I and my teams run',
    write: 'start, change and stop what I and my teams run',
  },
  metrics: {
    read: 'see what is measured of what I and my teams run',
    write: 'see what is measured of what I and my teams run',
  },
  kubernetes: {
    read: 'see what is in the namespaces of mine and my teams',
    write: 'see and change what is in the namespaces of mine and my teams',
  },
  workflows: {
    read: 'see the workflows of mine and my teams',
    write: 'run and change workflows of mine and my teams',
  },
  teams: { read: 'see who is in my teams', write: 'see and change who is in the teams I manage' },
  account: { read: 'know who I am, my teams and tools', write: 'know who I am, my teams and tools' },
  admin: { read: 'see everything an admin sees', write: 'do everything an admin may do' },
};

export type ScopeChoice = {
  reach: Readonly<Record<Part, Reach>>;
  /** The areas that `files` is for; undefined for every one, also those to come. */
  areas: readonly string[] | undefined;
};

/** `files:write`, or one for each chosen area. */
export function scopesOf({ reach, areas }: ScopeChoice): string[] {
  return parts.flatMap((part) => {
    const act = reach[part];
    if (act === 'none') return [];
    if (part !== 'files' || areas === undefined) return [`${part}:${act}`];
    return areas.map((area) => `files:${act}:${area}`);
  });
}

/** `['files:write:private', 'account:read']` → `Read and change my private files; know who I am, my teams and tools`. */
export function tokenWords(scopes: readonly string[]): string {
  const sentences: string[] = [];
  for (const part of parts) {
    for (const act of ['write', 'read'] as const) {
      const own = scopes.filter((scope) => scope === `${part}:${act}` || scope.startsWith(`${part}:${act}:`));
      if (own.length === 0) continue;
      const areas = own.map((scope) => scope.slice(`${part}:${act}:`.length));
      const isEvery = part !== 'files' || areas.includes('');
      sentences.push(isEvery ? objects[part][act] : `${verbs[act]} ${listed(areas.map(areaWords))}`);
    }
  }
  const known = sentences.join('; ');
  const strange = scopes.filter((scope) => !parts.some((part) => scope.startsWith(`${part}:`)));
  const text = [known, ...strange].filter((each) => each !== '').join('; ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `team:physics` → `the files of the team physics`. */
export function areaWords(area: string): string {
  if (area.startsWith('team:')) return `the files of the team ${area.slice('team:'.length)}`;
  return { private: 'my private files', shared: 'the shared files', admin: 'the files of the admins' }[area] ?? area;
}
