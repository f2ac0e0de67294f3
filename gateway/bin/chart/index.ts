/**
 * chart: what of `charts/knot` follows from the sources. `npm run chart` writes it; a test fails where it was forgotten.
 * Owns: `values.schema.json`; the configuration of the hub in `charts/stack/jupyterhub`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterHubConfig } from '../../integrations/index.ts';
import { valuesSchema } from './values-schema.ts';

export { configSchema, decidedByChart, type Schema } from './config-schema.ts';
export { valuesSchema } from './values-schema.ts';

export const schemaFile = join(import.meta.dirname, '../../../charts/knot/values.schema.json');

export const hubConfigFile = join(import.meta.dirname, '../../../charts/stack/jupyterhub/files/jupyterhub_config.py');

if (import.meta.main) {
  writeFileSync(schemaFile, schemaText());
  writeFileSync(hubConfigFile, clusterHubConfig());
}

/** The file as it stands in the chart. */
export function schemaText(): string {
  return `${JSON.stringify(valuesSchema(), null, 2)}\n`;
}
