import { createHash, randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { eventually } from '../support/eventually.ts';
import type { FileFigure } from './files.ts';
import { median } from './generators.ts';
import { startKnot } from './knot.ts';
import { type Certificate, type RunningProxy, startPeer } from './peers.ts';
import { freePort, runTool, startServer } from './servers.ts';
import { transfer, type Transfer } from './transfers.ts';

/** The layer of an image, pushed and pulled through Knot and through nginx, to and from one real registry. */

type Setting = { folder: string; certificate: Certificate; isQuick: boolean; mebibytes: number };

const host = 'harbor.localhost';

/** @throws where docker-registry or nginx is not installed */
export async function measureRegistry({ mebibytes, ...setting }: Setting, rounds: number): Promise<FileFigure[]> {
  const registryPort = await startRegistry(setting.folder);
  const place = { ...setting, upstreamPort: registryPort };
  const harbor = { upstream: `http://127.0.0.1:${registryPort}` };
  const knot = await startKnot({ ...place, integrations: { harbor } });
  // Programs have no session: what they bring is for the registry.
  const mine: RunningProxy = { ...knot, host, cookie: 'none=1' };
  const its = await startPeer('nginx', place, { host, cookie: 'none=1' });
  const layer = { file: join(setting.folder, 'layer'), bytes: mebibytes * 1024 * 1024 };
  const digest = fill(layer);
  const figures: FileFigure[] = [];
  const pull = (proxy: RunningProxy) => transfer(proxy, `/v2/ada/app/blobs/${digest}`, layer.bytes);
  for (const [what, act] of [
    ['push', (proxy: RunningProxy) => push(proxy, layer, digest)],
    ['pull', pull],
  ] as const) {
    const taken: Transfer[] = [];
    const ratios: number[] = [];
    // Once each that counts for nothing.
    for (let round = 0; round <= rounds; round += 1) {
      const [own, other] = [await act(mine), await act(its)];
      if (round === 0) continue;
      taken.push(own);
      ratios.push(own.mebibytesPerSecond / other.mebibytesPerSecond);
    }
    const ratio = median(ratios);
    const grown = Math.max(...taken.map(({ grownKiB }) => grownKiB)) / 1024;
    figures.push(
      {
        what: `${what} of a layer of ${mebibytes} MiB`,
        value: median(taken.map(({ mebibytesPerSecond }) => mebibytesPerSecond)),
        unit: 'MiB/s',
      },
      { what: 'beside nginx', value: ratio, unit: '×', bar: '≥ 0.6', isMet: ratio >= 0.6 },
      { what: 'memory grown by that', value: grown, unit: 'MiB', bar: 'flat (≤ 64)', isMet: grown <= 64 },
    );
  }
  return figures;
}

/** As programs do: an upload is begun, the layer streamed into it, and ended with its digest (OCI distribution 1.1, "Pushing blobs"). */
async function push(proxy: RunningProxy, { file, bytes }: Layer, digest: string): Promise<Transfer> {
  const ask = (method: string, path: string): Promise<string> =>
    runTool(
      'curl',
      [
        ...['--silent', '--show-error', '--fail', '--insecure', '--http1.1', '--include', '-X', method],
        ...['--connect-to', `::127.0.0.1:${proxy.port}`, '-H', 'content-length: 0'],
        `https://${proxy.host}:${proxy.port}${path}`,
      ],
      60_000,
    );
  const placeOf = (location: string): string => {
    if (location === '') throw new Error('the registry names no place to upload to');
    const { pathname, search } = new URL(location, `https://${proxy.host}`);
    return `${pathname}${search}`;
  };
  const begun = placeOf(/^location: (\S+)/im.exec(await ask('POST', '/v2/ada/app/blobs/uploads/'))?.[1] ?? '');
  let next = '';
  const sent = await transfer(proxy, begun, bytes, file, {
    ...{ method: 'PATCH', status: 202, onLocation: (location) => void (next = location) },
  });
  const end = placeOf(next);
  await ask('PUT', `${end}${end.includes('?') ? '&' : '?'}digest=${digest}`);
  return sent;
}

type Layer = { file: string; bytes: number };

/** A mebibyte of chance, then nothing: it takes no time to make, and the registry takes it as any other. */
function fill({ file, bytes }: Layer): string {
  const descriptor = openSync(file, 'w+');
  writeSync(descriptor, randomBytes(1024 * 1024));
  ftruncateSync(descriptor, bytes);
  const hash = createHash('sha256');
  const piece = Buffer.alloc(4 * 1024 * 1024);
  for (let at = 0; at < bytes;) {
    const read = readSync(descriptor, piece, 0, piece.length, at);
    hash.update(piece.subarray(0, read));
    at += read;
  }
  closeSync(descriptor);
  return `sha256:${hash.digest('hex')}`;
}

/** Debian's, without sign-in: what is measured are bytes. */
async function startRegistry(folder: string): Promise<number> {
  const port = await freePort();
  const file = join(folder, 'registry.yml');
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'registry') } },
    http: { addr: `127.0.0.1:${port}`, secret: 'shared', relativeurls: true },
  };
  writeFileSync(file, stringify(settings));
  startServer('/usr/bin/docker-registry', ['serve', file], { logFile: join(folder, 'registry.log') });
  await eventually(
    'the registry answers',
    async () => (await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined))?.status === 200,
  );
  return port;
}
