/** Becomes Redis, with what its values say. */
import { accessSync, constants, mkdirSync } from 'node:fs';

const { keep = true, memory = 100 } = JSON.parse(process.env.TEMPLATE_VALUES);
const data = `${process.env.HOME}/data`;
mkdirSync(data, { recursive: true, mode: 0o700 });
const options = {
  port: 0,
  unixsocket: process.env.SOCKET,
  unixsocketperm: 700,
  dir: data,
  save: '',
  appendonly: keep ? 'yes' : 'no',
  maxmemory: `${memory}mb`,
  'maxmemory-policy': 'allkeys-lru',
};
const program = process.env.PATH.split(':')
  .map((folder) => `${folder}/redis-server`)
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
if (program === undefined) {
  console.error('redis-server is not installed on this machine');
  process.exit(127);
}
const env = { ...process.env };
delete env.TEMPLATE_VALUES;
process.execve(
  program,
  ['redis-server', ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])],
  env,
);
