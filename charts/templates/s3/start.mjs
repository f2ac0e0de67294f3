/** Makes the keys at the first start, tells them to who sees its socket, then becomes the S3 server. */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { offer: { type: 'string' }, folder: { type: 'string' } } });
const kept = join(process.env.HOME, 'credentials.json');
if (!existsSync(kept)) {
  const fresh = {
    accessKey: `KNOT${randomBytes(8).toString('hex').toUpperCase()}`,
    secretKey: randomBytes(30).toString('base64url'),
  };
  writeFileSync(kept, `${JSON.stringify(fresh)}\n`, { mode: 0o600 });
}
const text = readFileSync(kept, 'utf8');
const { accessKey, secretKey } = JSON.parse(text);
writeFileSync(join(values.offer, 'credentials.json'), text, { mode: 0o600 });
mkdirSync(values.folder, { recursive: true });

const isThere = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
const program = process.env.PATH.split(':')
  .map((folder) => `${folder}/versitygw`)
  .find(isThere);
if (program === undefined) {
  console.error('versitygw is not installed on this machine');
  process.exit(127);
}
process.execve(
  program,
  ['versitygw', '--port', join(values.offer, 's3.sock'), '--health', '/health', '--quiet', 'posix', values.folder],
  { ...process.env, ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
);
