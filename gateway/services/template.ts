import type { JsonObject, JsonSchema, ProcessPlan } from '../lib/index.ts';

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
  folder: string;
};

export type Templates = {
  /** Undefined when there is none, or when this person may not launch it. */
  find(id: string): Promise<LaunchableTemplate | undefined>;
  /** What is wrong with values, by JSON pointer. */
  check(schema: JsonSchema, values: JsonObject): { pointer: string; message: string }[];
  withDefaults(defaults: JsonObject, given: JsonObject): JsonObject;
};
