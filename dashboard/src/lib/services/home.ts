/** Which services and templates stand on Home. Pure. */
import type { Service, TemplateSummary } from '#lib/contract.ts';
import { pinOfTemplate } from '#lib/services/pins.ts';
import { isWanted } from '#lib/services/states.ts';

const mostServices = 6;
const mostTemplates = 6;

/** What goes on: whatever was not told to stop, the newest first; and how many more there are. */
export function continuing(services: readonly Service[]): { shown: Service[]; rest: number } {
  const shown = services.filter(isWanted).slice(0, mostServices);
  return { shown, rest: services.length - shown.length };
}

/** What a person most likely starts next: what they pinned, then what they started last, then the others. */
export function offered(
  templates: readonly TemplateSummary[],
  services: readonly Service[],
  isPinned: (name: string) => boolean,
): TemplateSummary[] {
  const used = services.toSorted((a, b) => b.createdAt - a.createdAt).map(({ template }) => template.id);
  const rank = (template: TemplateSummary): number => {
    if (isPinned(pinOfTemplate(template))) return -1;
    const place = used.indexOf(template.id);
    return place === -1 ? used.length : place;
  };
  return templates
    .filter(({ isUsable, missing }) => isUsable && missing.length === 0)
    .toSorted((a, b) => rank(a) - rank(b) || a.title.localeCompare(b.title))
    .slice(0, mostTemplates);
}
