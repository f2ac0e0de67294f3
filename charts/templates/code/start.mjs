/** Gives the editor its first settings, which its person may change, then becomes the server. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values } = parseArgs({ options: { packages: text, socket: text, home: text, folder: text } });
const data = join(values.home, 'data');
const settings = join(data, 'User/settings.json');
if (!existsSync(settings)) {
  mkdirSync(join(data, 'User'), { recursive: true });
  // Its chat wants an account elsewhere, and opens beside everything until somebody turns it off.
  const first = {
    'chat.disableAIFeatures': true,
    'workbench.secondarySideBar.defaultVisibility': 'hidden',
    'telemetry.telemetryLevel': 'off',
  };
  writeFileSync(settings, `${JSON.stringify(first, null, 2)}\n`);
}
process.execve(
  process.execPath,
  [
    process.execPath,
    join(values.packages, 'node_modules/code-server/out/node/entry.js'),
    `--socket=${values.socket}`,
    '--socket-mode=600',
    // Whoever comes here was let in by Knot; nothing else reaches the socket.
    '--auth=none',
    '--disable-telemetry',
    '--disable-update-check',
    '--disable-workspace-trust',
    `--user-data-dir=${data}`,
    `--extensions-dir=${join(values.home, 'extensions')}`,
    values.folder,
  ],
  process.env,
);
