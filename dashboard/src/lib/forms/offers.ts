/** What there is to choose from, asked once for each owner while a form is open. */
import { servicesApi } from '#lib/api/services.ts';
import type { Option } from './controls.ts';

/** Services of an owner by name; none when they cannot be asked for. */
export async function servicesOf(owner: string): Promise<Option[]> {
  const { services } = await servicesApi.list({ owner }).catch(() => ({ services: [] }));
  return services.map(({ name, template }) => ({ value: name, label: `${name} (${template.title})` }));
}
