/** What there is to choose from. */
import { servicesApi } from '#lib/api/services.ts';
import type { Option } from './controls.ts';

/** Services of an owner by name, asked for once while a form is open, however many fields offer them; none when that fails. */
export function offeredServices(): (owner: string) => Promise<readonly Option[]> {
  const asked = new Map<string, Promise<readonly Option[]>>();
  return (owner) => {
    let answer = asked.get(owner);
    if (answer === undefined) asked.set(owner, (answer = ask(owner)));
    return answer;
  };
}

async function ask(owner: string): Promise<readonly Option[]> {
  const { services } = await servicesApi.list({ owner }).catch(() => ({ services: [] }));
  return services.map(({ name, template }) => ({ value: name, label: `${name} (${template.title})` }));
}
