/** Who offers what in the palette. A new kind of thing to find is one more provider. */
import AppWindow from '@lucide/svelte/icons/app-window';
import Blocks from '@lucide/svelte/icons/blocks';
import FolderOpen from '@lucide/svelte/icons/folder-open';
import Plus from '@lucide/svelte/icons/plus';
import Network from '@lucide/svelte/icons/network';
import Scale from '@lucide/svelte/icons/scale';
import ShieldX from '@lucide/svelte/icons/shield-x';
import User from '@lucide/svelte/icons/user-round';
import { filesApi } from '#lib/api/files.ts';
import { peopleApi } from '#lib/api/people.ts';
import { platformApi } from '#lib/api/platform.ts';
import { policiesApi } from '#lib/api/policies.ts';
import { servicesApi } from '#lib/api/services.ts';
import { teamsApi } from '#lib/api/teams.ts';
import { actsFor } from '#lib/frame/palette/acts.ts';
import type { Entry } from '#lib/frame/palette/find.ts';
import type { Capability, Section } from '#lib/frame/sections.ts';
import { shownState } from '#lib/services/states.ts';
import { decisionIn, urls } from '#lib/urls.ts';

export type Offer = Entry & { icon: typeof User; act?: () => void };

export type Provider = {
  id: string;
  needs?: Capability;
  /** What there is without asking the gateway; asked at each letter. */
  known?: (typed: string) => readonly Offer[];
  /** What there is always, asked for when the palette opens. */
  ask?: () => Promise<readonly Offer[]>;
  /** What a search finds; asked when nobody typed for a moment, never for nothing. */
  search?: (typed: string) => Promise<readonly Offer[]>;
};

type Frame = { sections: readonly Section[]; can: ReadonlySet<Capability>; openShortcuts: () => void };

/** Those of use to a person, in the order in which equals are shown. */
export function providersFor({ sections, can, openShortcuts }: Frame): readonly Provider[] {
  const all: readonly Provider[] = [
    { id: 'decision', needs: 'administer', known: decisions },
    { id: 'tools', ask: tools },
    { id: 'services', ask: services },
    { id: 'templates', ask: templates },
    { id: 'areas', ask: areas },
    { id: 'people', needs: 'administer', search: people },
    { id: 'teams', needs: 'administer', search: teams },
    { id: 'rules', needs: 'administer', search: rules },
    { id: 'pages', known: () => sections.map(pageOffer) },
    { id: 'acts', known: () => actsFor(can, { openShortcuts }).map((act): Offer => ({ ...act, group: 'Do' })) },
  ];
  return all.filter(({ needs }) => needs === undefined || can.has(needs));
}

function decisions(typed: string): Offer[] {
  const id = decisionIn(typed);
  if (id === undefined) return [];
  // Found by whatever was typed: an id in capitals or with spaces around it is the same id.
  const hint = 'why it was refused';
  return [
    { id, group: 'Decision', title: id, hint, words: typed, href: urls.policies({ decision: id }), icon: ShieldX },
  ];
}

function pageOffer({ id, href, label: title, words, icon }: Section): Offer {
  return { id: `page-${id}`, group: 'Pages', title, words, href, icon };
}

async function tools(): Promise<Offer[]> {
  const { tiles } = await platformApi.tiles();
  return tiles.map(({ name, title, url: href }) => {
    return { id: `tool-${name}`, group: 'Open', title, words: name, href, icon: AppWindow };
  });
}

async function services(): Promise<Offer[]> {
  return (await servicesApi.reachable()).services.map((service): Offer => {
    const { id, name, owner, template } = service;
    const hint = `${template.title}, ${shownState(service).word.toLowerCase()}`;
    const words = `service ${owner.name} ${new URL(service.url).host}`;
    return {
      id: `service-${id}`,
      group: 'Services',
      title: name,
      hint,
      words,
      href: urls.service(service),
      icon: Blocks,
    };
  });
}

async function templates(): Promise<Offer[]> {
  const found = await servicesApi.templates();
  return found.templates
    .filter(({ isUsable }) => isUsable)
    .map((template): Offer => {
      const { id, title, name, categories } = template;
      const words = `start launch new template ${name} ${categories.join(' ')}`;
      return { id: `template-${id}`, group: 'Start', title, words, href: urls.newService(template), icon: Plus };
    });
}

async function areas(): Promise<Offer[]> {
  const found = await filesApi.areas();
  return found.areas.map(({ name, title, kind }) => {
    const href = urls.folder({ area: name, address: '' });
    const words = `files folder ${kind} ${name}`;
    return { id: `area-${name}`, group: 'Files', title, hint: 'files', words, href, icon: FolderOpen };
  });
}

async function people(typed: string): Promise<Offer[]> {
  const { users } = await peopleApi.list({ q: typed, limit: 5 });
  return users.map((person) => {
    const { id, username, email } = person;
    return { id, group: 'People', title: username, hint: email, href: urls.user(person), icon: User };
  });
}

async function teams(typed: string): Promise<Offer[]> {
  const found = await teamsApi.list({ q: typed, limit: 5 });
  return found.teams.map((team) => {
    const { id, name, title } = team;
    return { id: `team-${id}`, group: 'Teams', title, hint: name, words: 'team', href: urls.team(team), icon: Network };
  });
}

/** Rules by the name that a refusal gives them: `@id("…")` in the files, as they are on disk. */
async function rules(): Promise<Offer[]> {
  const { files } = await policiesApi.status();
  return files.flatMap(({ name: file, text }) =>
    [...text.matchAll(/^\s*@id\("([^"]+)"\)/gm)].map((match): Offer => {
      const rule = match[1]!;
      const line = text.slice(0, match.index + match[0].lastIndexOf('@id')).split('\n').length;
      const hint = `${file}:${line}`;
      return {
        id: `rule-${rule}`,
        group: 'Rules',
        title: rule,
        hint,
        href: urls.policies({ file }, line),
        icon: Scale,
      };
    }),
  );
}
