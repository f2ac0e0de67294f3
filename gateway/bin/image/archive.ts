import { createHash, type Hash } from 'node:crypto';
import { createWriteStream, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Entry, tarOf } from './tar.ts';

/** What a container of the image is started with (OCI image specification 1.1, `config.md`). */
export type ImageSettings = {
  entrypoint?: string[];
  command?: string[];
  /** `NAME=value`. */
  environment?: string[];
  /** Numbers, so that no file of accounts is needed: `1000:1000`. */
  user?: string;
  workingFolder?: string;
  labels?: Record<string, string>;
  /** `8443/tcp`. */
  ports?: string[];
  stopSignal?: string;
};

export type Image = {
  /** The archive that is written. */
  archive: string;
  /** The whole name it has where it is imported: `registry.example.org/knot:0.1.0`. */
  reference: string;
  /** From the bottom to the top; `comment` is what the history of the image says. */
  layers: readonly { comment: string; entries: readonly Entry[] }[];
  settings?: ImageSettings;
  /** As Go calls it; that of this machine by default. */
  architecture?: string;
  /** Seconds since 1970; 0, so that the same contents are the same image, by default (reproducible-builds.org, SOURCE_DATE_EPOCH). */
  createdAt?: number;
  /** `gzip` is what registries expect; `none` is quicker where nothing is sent anywhere. */
  compress?: 'gzip' | 'none';
};

export type WrittenImage = { archive: string; reference: string; digest: string; bytes: number };

type Blob = { digest: string; size: number };

const media = 'application/vnd.oci.image';

/**
 * Writes an image as an archive that `ctr images import`, `podman load`, `skopeo copy oci-archive:` and `docker load` read: an OCI
 * image layout (image specification 1.1, `image-layout.md`) with Docker's list of contents beside it. No daemon and no other program is
 * asked; memory does not grow with the image. The same contents make the same bytes.
 */
export async function writeImage(image: Image): Promise<WrittenImage> {
  const { reference, settings = {}, createdAt = 0, compress = 'gzip' } = image;
  const archive = resolve(image.archive);
  const architecture = image.architecture ?? architectureHere();
  const created = new Date(createdAt * 1000).toISOString();
  const work = mkdtempSync(join(dirname(archive), `.${basename(archive)}-`));
  try {
    const layers = [];
    for (const [index, { entries }] of image.layers.entries())
      layers.push(await writeLayer(entries, join(work, `layer-${index}`), compress));

    const config = json({
      created,
      architecture,
      os: 'linux',
      config: configOf(settings),
      rootfs: { type: 'layers', diff_ids: layers.map(({ contents }) => contents) },
      history: image.layers.map(({ comment }) => ({ created, created_by: 'knot image', comment })),
    });
    const manifest = json({
      schemaVersion: 2,
      mediaType: `${media}.manifest.v1+json`,
      config: { mediaType: `${media}.config.v1+json`, ...blobOf(config) },
      layers: layers.map(({ digest, size }) => ({
        mediaType: `${media}.layer.v1.tar${compress === 'gzip' ? '+gzip' : ''}`,
        digest,
        size,
      })),
    });
    const index = json({
      schemaVersion: 2,
      mediaType: `${media}.index.v1+json`,
      manifests: [
        {
          mediaType: `${media}.manifest.v1+json`,
          ...blobOf(manifest),
          platform: { architecture, os: 'linux' },
          annotations: {
            'io.containerd.image.name': reference,
            'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
          },
        },
      ],
    });
    // `docker load` of engines that keep images in a store of their own reads this list.
    const dockerList = json([
      {
        Config: pathOf(blobOf(config).digest),
        RepoTags: [reference],
        Layers: layers.map(({ digest }) => pathOf(digest)),
      },
    ]);
    const files = new Map<string, Entry>();
    const add = (path: string, from: { content: string } | { from: string }) =>
      files.set(path, { kind: 'file', path, ...from });
    add('oci-layout', { content: json({ imageLayoutVersion: '1.0.0' }) });
    add('index.json', { content: index });
    add('manifest.json', { content: dockerList });
    for (const content of [config, manifest]) add(pathOf(blobOf(content).digest), { content });
    // Two layers with the same contents are one blob.
    for (const { digest, file } of layers) add(pathOf(digest), { from: file });

    const whole = join(work, 'archive');
    await pipeline(Readable.from(tarOf([...files.values()])), createWriteStream(whole));
    renameSync(whole, archive);
    return { archive, reference, digest: blobOf(manifest).digest, bytes: statSync(archive).size };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What Go, and with it every registry, calls this machine. */
export function architectureHere(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** `contents` is the digest before compression, which is what the configuration of the image names. */
async function writeLayer(
  entries: readonly Entry[],
  file: string,
  compress: 'gzip' | 'none',
): Promise<Blob & { contents: string; file: string }> {
  const [contents, whole] = [createHash('sha256'), createHash('sha256')];
  const source = Readable.from(tarOf(entries));
  if (compress === 'none') await pipeline(source, through(contents), createWriteStream(file));
  // A header of gzip without a name and a time: it is what Node writes.
  else await pipeline(source, through(contents), createGzip({ level: 6 }), through(whole), createWriteStream(file));
  const digest = `sha256:${contents.digest('hex')}`;
  return {
    digest: compress === 'none' ? digest : `sha256:${whole.digest('hex')}`,
    size: statSync(file).size,
    contents: digest,
    file,
  };
}

/** Lets everything pass and reads along. */
function through(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}

function configOf(settings: ImageSettings): Record<string, unknown> {
  const { entrypoint, command, environment = [], user, workingFolder, labels, ports, stopSignal } = settings;
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return {
    ...(user !== undefined && { User: user }),
    ...(ports && { ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) }),
    Env: environment.some((one) => one.startsWith('PATH=')) ? environment : [path, ...environment],
    ...(entrypoint && { Entrypoint: entrypoint }),
    ...(command && { Cmd: command }),
    WorkingDir: workingFolder ?? '/',
    ...(labels && { Labels: labels }),
    ...(stopSignal !== undefined && { StopSignal: stopSignal }),
  };
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function blobOf(content: string): Blob {
  return { digest: `sha256:${createHash('sha256').update(content).digest('hex')}`, size: Buffer.byteLength(content) };
}

function pathOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
