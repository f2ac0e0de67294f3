import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartFolder } from './helm.ts';

/** A copy of the chart as a later release of it, in a folder of the caller's: there is no release yet that could be upgraded from. */
export function nextChart(
  folder: string,
  version: string,
  defaults: (values: string) => string = (values) => values,
): string {
  const copy = mkdtempSync(join(folder, 'chart-'));
  cpSync(chartFolder, copy, { recursive: true });
  const change = (name: string, by: (text: string) => string): void =>
    writeFileSync(join(copy, name), by(readFileSync(join(copy, name), 'utf8')));
  change('Chart.yaml', (text) => text.replaceAll(/^(version|appVersion): .*$/gm, `$1: ${version}`));
  change('values.yaml', defaults);
  return copy;
}
