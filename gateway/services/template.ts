import type { TemplateCopy } from './service.ts';
import type { JsonObject, JsonSchema, Principal, ProcessPlan, TemplateFolder } from '../lib/index.ts';

/** A template that can be launched. Modules of one rank do not know each other: `app.ts` hands templates over. */
export type LaunchableTemplate = {
  id: string;
  name: string;
  title: string;
  version: string;
  schema: JsonSchema;
  defaults: JsonObject;
  plan: ProcessPlan;
  /** Where its files are now. */
  folder: TemplateFolder;
};

export type Templates = {
  /** Undefined when there is none that can run here, or none for this person: those of people and teams are for whom they are. */
  find(id: string, person?: Principal): Promise<LaunchableTemplate | undefined>;
};

/** What a service keeps of it. */
export const copyOf = (
  { id, name, title, version, schema, defaults, plan }: LaunchableTemplate,
  digest: string,
): TemplateCopy => ({ ...{ id, name, title, version, schema, defaults, plan, digest } });
