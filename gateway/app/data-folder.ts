import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes the data folder a package of its own. By default it lies inside the folder of Knot, whose `package.json` says that scripts
 * are ES modules; Node's tools in a notebook's terminal (its home lies in the data folder) look upwards for that file and would
 * take every CommonJS script for a module (https://nodejs.org/api/packages.html#packagejson-and-file-extensions).
 */
export function makeOwnPackage(folder: string): void {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) writeFileSync(file, '{ "private": true, "type": "commonjs" }\n');
}
