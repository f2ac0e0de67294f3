import { accessSync, chmodSync, constants, copyFileSync, existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { goProgram } from './go-programs.ts';

const installed = '/usr/local/bin/versitygw';
const module = join(import.meta.dirname, '../../journeys/versitygw');

/**
 * The S3 server of the template `s3` among the programs of this machine, where services find it: built once by Go, and put there where
 * these tests may, as `npm test` does with packages of Debian.
 */
export async function versitygw(): Promise<string | { skip: string }> {
  if (existsSync(installed)) return installed;
  try {
    accessSync('/usr/local/bin', constants.W_OK);
  } catch {
    return { skip: `${installed} is not there, and may not be put there` };
  }
  const file = await goProgram('versitygw', module, 'github.com/versity/versitygw/cmd/versitygw');
  if (typeof file !== 'string') return file;
  // Whoever looks meanwhile sees all of it or nothing.
  const whole = `${installed}.${process.pid}`;
  copyFileSync(file, whole);
  chmodSync(whole, 0o755);
  renameSync(whole, installed);
  return installed;
}
