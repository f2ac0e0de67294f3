/**
 * The definition of HTTPRoute as the Gateway API publishes it (standard channel), from its Go module, kept in the cache of the tests.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { testCache } from '../support/process/test-cache.ts';

const version = 'v1.6.3';
const definition = 'gateway.networking.k8s.io_httproutes.yaml';

/** The CustomResourceDefinition. With CI=true it is an error when there is no way to get it. */
export async function httpRouteDefinition(): Promise<object | { skip: string }> {
  const folder = join(testCache, `gateway-api-${version}`);
  const kept = join(folder, definition);
  const text = await readFile(kept, 'utf8').catch(() => undefined);
  if (text !== undefined) return parse(text) as object;
  try {
    const args = ['mod', 'download', '-json', `sigs.k8s.io/gateway-api@${version}`];
    const { stdout } = await promisify(execFile)('go', args, { cwd: import.meta.dirname });
    const { Dir } = JSON.parse(stdout) as { Dir: string };
    await mkdir(folder, { recursive: true });
    const unfinished = join(folder, `.${process.pid}.yaml`);
    await copyFile(join(Dir, 'config', 'crd', 'standard', definition), unfinished);
    await rename(unfinished, kept);
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return { skip: 'the definition of HTTPRoute could not be fetched (Go, proxy.golang.org)' };
  }
  return parse(await readFile(kept, 'utf8')) as object;
}
