/** What there is to choose from, asked for once for each owner while a form is open, however many fields offer it. */
import { servicesApi } from '#lib/api/services.ts';
import type { Option } from './controls.ts';
import type { Left } from './facts.ts';

/** Services of an owner by name; none when they cannot be asked for. */
export const offeredServices = () =>
  oncePerOwner(async (owner): Promise<readonly Option[]> => {
    const { services } = await servicesApi.list({ owner }).catch(() => ({ services: [] }));
    return services.map(({ name, template }) => ({ value: name, label: `${name} (${template.title})` }));
  });

/** What is left of an owner's plan, without end where it is not limited; undefined when it cannot be asked for. */
export const leftOfPlans = () =>
  oncePerOwner(async (owner): Promise<Left | undefined> => {
    const told = await servicesApi.sizes({ owner }).catch(() => undefined);
    if (told === undefined) return undefined;
    const { limits, held, accelerators } = told;
    const left = (of: 'cpu' | 'memory'): number => Math.max(0, (limits[of] ?? Infinity) - held[of]);
    return { cpu: left('cpu'), memory: left('memory'), accelerators };
  });

function oncePerOwner<T>(ask: (owner: string) => Promise<T>): (owner: string) => Promise<T> {
  const asked = new Map<string, Promise<T>>();
  return (owner) => {
    let answer = asked.get(owner);
    if (answer === undefined) asked.set(owner, (answer = ask(owner)));
    return answer;
  };
}
