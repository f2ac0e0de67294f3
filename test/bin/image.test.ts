import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { type Entry, filesBelow, tarOf, writeImage } from '../../gateway/bin/image/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'knot-image-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const long = `${'deep/'.repeat(40)}${'n'.repeat(120)}.txt`;
const entries: Entry[] = [
  { kind: 'file', path: 'usr/bin/run', mode: 0o755, content: '#!/bin/true\n' },
  { kind: 'file', path: long, content: 'far down' },
  { kind: 'file', path: 'käse/ü ✓.txt', content: 'ß' },
  { kind: 'link', path: 'bin', to: 'usr/bin' },
  { kind: 'link', path: 'far', to: long },
  { kind: 'folder', path: 'tmp', mode: 0o1777 },
  { kind: 'file', path: 'data/mine', uid: 1000, gid: 100, content: '' },
];

t.test('an archive is what tar reads: names of any length and language, links, rights, owners', async (t) => {
  const file = join(folder, 'plain.tar');
  writeFileSync(file, await bytesOf(entries));
  const root = join(folder, 'plain');
  mkdirSync(root);
  const { status, stderr } = spawnSync('tar', ['-xpf', file, '-C', root, '--warning=all'], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  t.equal(stderr, '');
  t.equal(readFileSync(join(root, long), 'utf8'), 'far down');
  t.equal(readFileSync(join(root, 'käse/ü ✓.txt'), 'utf8'), 'ß');
  t.equal(readlinkSync(join(root, 'bin')), 'usr/bin');
  t.equal(readlinkSync(join(root, 'far')), long);
  t.equal(lstatSync(join(root, 'tmp')).mode & 0o7777, 0o1777);
  t.equal(lstatSync(join(root, 'usr/bin/run')).mode & 0o777, 0o755);
  const list = spawnSync('tar', ['-tvf', file, '--numeric-owner'], { encoding: 'utf8' }).stdout;
  t.match(list, /^-rw-r--r-- 1000\/100 +0 1970-01-01 00:00 data\/mine$/m);
  t.match(list, /^drwxr-xr-x 0\/0 +0 1970-01-01 00:00 data\/$/m, 'folders above are made');
});

t.test('the order in which entries are named, the umask and the time make no difference', async (t) => {
  t.same(await bytesOf(entries.toReversed()), await bytesOf(entries));
  const made = (name: string, mode: number) => {
    const root = join(folder, name);
    mkdirSync(join(root, 'a'), { recursive: true });
    writeFileSync(join(root, 'a/x'), 'x', { mode });
    chmodSync(join(root, 'a/x'), mode);
    symlinkSync('a/x', join(root, 'l'));
    return filesBelow(root, 'app');
  };
  t.same(await bytesOf(made('one', 0o600)), await bytesOf(made('two', 0o664)));
});

t.test('what would stand outside, twice, or below a file is refused', async (t) => {
  const file = (path: string): Entry => ({ kind: 'file', path, content: '' });
  for (const path of ['', '/etc/passwd', '../x', 'a/../../x', 'a//b', 'a/./b', 'a\0b'])
    await t.rejects(bytesOf([file(path)]), /is no name inside an archive/, JSON.stringify(path));
  await t.rejects(bytesOf([file('a'), file('a')]), /stands in the archive twice/);
  await t.rejects(bytesOf([file('a'), file('a/b')]), /is no folder/);
});

for (const compress of ['gzip', 'none'] as const)
  t.test(
    `an image (${compress}): every digest is that of its bytes, and twice the same image is the same file`,
    async (t) => {
      const image = {
        reference: 'registry.test:5000/knot:1.2.3',
        layers: [
          { comment: 'first', entries },
          { comment: 'second', entries: [{ kind: 'file', path: 'app/x', content: 'x' } as const] },
          { comment: 'the same again', entries: [{ kind: 'file', path: 'app/x', content: 'x' } as const] },
        ],
        settings: { entrypoint: ['/usr/bin/run'], user: '1000:1000', ports: ['8443/tcp'], environment: ['A=b'] },
        architecture: 'arm64',
        createdAt: 86_400,
        compress,
      };
      const written = await writeImage({ ...image, archive: join(folder, `${compress}.tar`) });
      const again = await writeImage({ ...image, archive: join(folder, `${compress}-again.tar`) });
      t.same(readFileSync(again.archive), readFileSync(written.archive));

      const root = join(folder, `layout-${compress}`);
      mkdirSync(root);
      t.equal(spawnSync('tar', ['-xf', written.archive, '-C', root]).status, 0);
      t.same(readdirSync(root).sort(), ['blobs', 'index.json', 'manifest.json', 'oci-layout']);
      for (const name of readdirSync(join(root, 'blobs/sha256')))
        t.equal(sha256(readFileSync(join(root, 'blobs/sha256', name))), name);
      const blob = ({ digest, size }: { digest: string; size: number }) => {
        const bytes = readFileSync(join(root, 'blobs', digest.replace(':', '/')));
        t.equal(bytes.length, size);
        return bytes;
      };
      const read = (bytes: Buffer) => JSON.parse(bytes.toString()) as never;
      type Index = {
        manifests: { digest: string; size: number; annotations: Record<string, string>; platform: object }[];
      };
      const [entry] = (read(readFileSync(join(root, 'index.json'))) as Index).manifests;
      t.equal(entry!.digest, written.digest);
      t.same(entry!.platform, { architecture: 'arm64', os: 'linux' });
      t.equal(entry!.annotations['io.containerd.image.name'], 'registry.test:5000/knot:1.2.3');
      t.equal(entry!.annotations['org.opencontainers.image.ref.name'], '1.2.3');
      type Manifest = Record<'config', { digest: string; size: number }> & {
        layers: { digest: string; size: number; mediaType: string }[];
      };
      const manifest = read(blob(entry!)) as Manifest;
      const config = read(blob(manifest.config)) as {
        rootfs: { diff_ids: string[] };
        config: object;
        created: string;
        history: unknown[];
      };
      t.equal(config.created, '1970-01-02T00:00:00.000Z');
      t.equal(config.history.length, 3);
      t.match(config.config, { User: '1000:1000', Entrypoint: ['/usr/bin/run'], ExposedPorts: { '8443/tcp': {} } });
      for (const [position, layer] of manifest.layers.entries()) {
        t.equal(layer.mediaType.endsWith('+gzip'), compress === 'gzip');
        const bytes = compress === 'gzip' ? gunzipSync(blob(layer)) : blob(layer);
        t.equal(`sha256:${sha256(bytes)}`, config.rootfs.diff_ids[position], 'of what is in it before compression');
      }
      const [docker] = read(readFileSync(join(root, 'manifest.json'))) as {
        Config: string;
        Layers: string[];
        RepoTags: string[];
      }[];
      t.same(docker!.RepoTags, ['registry.test:5000/knot:1.2.3']);
      t.same(
        docker!.Layers,
        manifest.layers.map(({ digest }) => `blobs/${digest.replace(':', '/')}`),
      );
      t.notOk(
        readdirSync(folder).some((name) => name.startsWith('.')),
        'nothing is left beside it',
      );
    },
  );

async function bytesOf(list: readonly Entry[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of tarOf(list)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
