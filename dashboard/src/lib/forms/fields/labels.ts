import type { Config } from '@sjsf/form';

/** What a field is called, and what is said about it. */
export function namesOf({ title, path, schema }: Pick<Config, 'title' | 'path' | 'schema'>): {
  label: string;
  hint: string | undefined;
} {
  const last = path.at(-1);
  const label = title || (typeof last === 'number' ? `Item ${last + 1}` : (last ?? 'Values'));
  return { label, hint: typeof schema.description === 'string' ? schema.description : undefined };
}
