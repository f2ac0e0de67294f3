/** Templates as people look for them. */
import type { TemplateSummary } from '#lib/contract.ts';
import { pinOfTemplate } from '#lib/services/pins.ts';
import type { Chip } from '#lib/ui/list/columns.ts';
import { urls } from '#lib/urls.ts';

export type CatalogueQuery = { q?: string | undefined; category?: string | undefined };

/** Who put it there. */
export function originWords({ origin, owner, source }: Pick<TemplateSummary, 'origin' | 'owner' | 'source'>): string {
  const registry = source === undefined ? '' : ', from the registry';
  switch (origin) {
    case 'shipped':
      return 'Comes with Knot';
    case 'admin':
      return 'From your administrators';
    case 'team':
      return `From team ${owner ?? ''}${registry}`;
    case 'user':
      return `Your own${registry}`;
  }
}

/** Those that hold every word that was looked for. */
export function found<T extends TemplateSummary>(templates: readonly T[], { q = '', category }: CatalogueQuery): T[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return templates.filter((template) => {
    if (category !== undefined && !template.categories.includes(category)) return false;
    const { title, name, description, categories } = template;
    const text = [title, name, description, ...categories, originWords(template)].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/**
 * What may be started here, and what comes with Knot or from administrators and runs elsewhere only (on Kubernetes, where services run
 * on one machine, and the other way round): nobody can do anything with that but know of it.
 */
export function apart<T extends TemplateSummary>(templates: readonly T[]): { here: T[]; elsewhere: T[] } {
  const isElsewhere = ({ needsKubernetes, needsMachine, owner }: T): boolean =>
    (needsKubernetes || needsMachine) && owner === undefined;
  return {
    here: templates.filter((template) => !isElsewhere(template)),
    elsewhere: templates.filter(isElsewhere),
  };
}

/** Why something runs elsewhere only; of one Knot all that do have the same reason. */
export function elsewhereWords({ needsKubernetes }: Pick<TemplateSummary, 'needsKubernetes'>): {
  where: string;
  why: string;
} {
  return needsKubernetes
    ? {
        where: 'on Kubernetes only',
        why: 'This Knot runs what people start on one machine. What needs a cluster can be started where it uses one.',
      }
    : {
        where: 'on one machine only',
        why: 'This Knot runs what people start on Kubernetes. What has no chart can be started where it runs on one machine.',
      };
}

/** Pinned first, then what can be started here, then the rest; by title within. */
export function inOrder<T extends TemplateSummary>(templates: readonly T[], isPinned: (pin: string) => boolean): T[] {
  const rank = (template: T): number =>
    isPinned(pinOfTemplate(template)) ? 0 : !template.isUsable ? 3 : template.missing.length > 0 ? 2 : 1;
  return [...templates].sort((a, b) => rank(a) - rank(b) || a.title.localeCompare(b.title));
}

const mostChips = 12;

/** Categories with how many are in each, most first. */
export function categoryChips(templates: readonly TemplateSummary[], { q, category }: CatalogueQuery): Chip[] {
  const counts = new Map<string, number>();
  for (const { categories } of templates)
    for (const name of new Set(categories)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, mostChips);
  if (most.length < 2 && category === undefined) return [];
  const all = { label: 'All', href: urls.templates({ q }), isChosen: category === undefined };
  return [
    all,
    ...most.map(([name, count]) => ({
      label: name,
      count,
      href: urls.templates({ q, category: name }),
      isChosen: category === name,
    })),
  ];
}
