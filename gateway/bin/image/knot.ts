import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { architectureHere, type Image, type ImageSettings } from './archive.ts';
import { billOfMaterials, type OtherPart } from './bill.ts';
import { fileAt, filesBelow } from './collect.ts';
import { librariesOf, systemPackageOf } from './libraries.ts';
import { type InstalledPackage, packagesToRun } from './packages.ts';
import type { Entry } from './tar.ts';

/** Where Knot is in its image. */
const home = 'opt/knot';
/** Who it runs as, and whose its folders are: what `charts/knot` has by default. */
const account = 1000;

/** The Node that comes with the dependencies: a package of npm that is nothing but the program. */
const isNode = ({ path }: InstalledPackage) => /^node_modules\/node-linux-/.test(path);

export type KnotImage = Pick<Image, 'layers' | 'settings' | 'architecture'> & {
  /** CycloneDX, as it lies in the image too. */
  bill: string;
};

/**
 * What the image of Knot is made of: the Node of the dependencies with the libraries it needs from this machine, the dependencies
 * without those of development, Helm, and Knot itself with the built dashboard, policies and templates. There is no shell and no package
 * manager in it. Each kind is a layer, so that a new Knot on the same dependencies is a small download.
 * `root`: the folder of Knot, installed and built. `helm`: the program. `createdAt`: seconds since 1970.
 */
export function knotImage({ root, helm, createdAt }: { root: string; helm: string; createdAt: number }): KnotImage {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const packages = packagesToRun(root);
  const node = packages.find(isNode);
  if (node === undefined) throw new Error('the Node of the dependencies is not installed: run npm ci on Linux');
  const others = packages.filter((one) => !isNode(one));
  const dependencies = others.flatMap((one) => filesOfPackage(root, one));
  const addons = dependencies.flatMap((entry) =>
    entry.kind === 'file' && 'from' in entry && entry.path.endsWith('.node') ? [entry.from] : [],
  );
  const libraries = librariesOf([join(root, node.path, 'bin/node'), ...addons]);
  const bill = billOfMaterials({
    version,
    packages,
    others: [...systemPackages(libraries), helmPart(helm)],
    createdAt,
  });
  return {
    architecture: architectureHere(),
    layers: [
      { comment: 'Node and the libraries it needs', entries: [...system(libraries), ...nodeEntries(root, node)] },
      { comment: 'Helm', entries: [fileAt(helm, 'usr/local/bin/helm')] },
      { comment: 'Dependencies of Knot', entries: dependencies },
      { comment: `Knot ${version}`, entries: [...knotEntries(root), billEntry(bill)] },
    ],
    settings: settings(version),
    bill,
  };
}

function settings(version: string): ImageSettings {
  return {
    entrypoint: ['/usr/local/bin/knot'],
    command: ['start'],
    user: `${account}:${account}`,
    workingFolder: '/var/lib/knot',
    // The compiled sources of a run help the next one; the rest of the file system may be read-only.
    environment: ['NODE_ENV=production', 'NODE_COMPILE_CACHE=/tmp/knot', 'KNOT_DATA=/var/lib/knot'],
    ports: ['8443/tcp', '9443/tcp', '9464/tcp'],
    stopSignal: 'SIGTERM',
    labels: {
      'org.opencontainers.image.title': 'Knot',
      'org.opencontainers.image.description': 'One HTTPS endpoint in front of a data-science platform',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    },
  };
}

/** What every program expects of a system, and nothing of one more. */
function system(libraries: readonly string[]): Entry[] {
  const text = (path: string, content: string): Entry => ({ kind: 'file', path, content });
  const certificates = '/etc/ssl/certs/ca-certificates.crt';
  return [
    ...libraries.map((path): Entry => ({ kind: 'file', path: path.slice(1), from: realpathSync(path), mode: 0o755 })),
    text(
      'etc/passwd',
      `root:x:0:0:root:/:/nonexistent\nknot:x:${account}:${account}:Knot:/var/lib/knot:/nonexistent\n`,
    ),
    text('etc/group', `root:x:0:\nknot:x:${account}:\n`),
    text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    // For Helm, which fetches charts; Node has its own.
    ...(existsSync(certificates) ? [fileAt(realpathSync(certificates), certificates.slice(1))] : []),
    // Where engines mount something, also on a file system that nobody can write.
    ...['dev', 'proc', 'sys', 'run', 'etc/knot'].map((path): Entry => ({ kind: 'folder', path })),
    { kind: 'folder', path: 'tmp', mode: 0o1777 },
    { kind: 'folder', path: 'var/lib/knot', mode: 0o700, uid: account, gid: account },
    { kind: 'folder', path: 'srv/knot/files', mode: 0o700, uid: account, gid: account },
  ];
}

function nodeEntries(root: string, node: InstalledPackage): Entry[] {
  return [
    ...filesBelow(
      join(root, node.path),
      `${home}/${node.path}`,
      (path) => !/^(bin(\/node)?|package\.json|LICENSE)$/.test(path),
    ),
    { kind: 'link', path: 'usr/local/bin/node', to: `/${home}/${node.path}/bin/node` },
    {
      kind: 'link',
      path: `${home}/node_modules/.bin/node`,
      to: `../${node.path.slice('node_modules/'.length)}/bin/node`,
    },
  ];
}

/** Without what only compilers and debuggers read; packages inside packages are packages of their own. */
function filesOfPackage(root: string, { path }: InstalledPackage): Entry[] {
  return filesBelow(join(root, path), `${home}/${path}`, (below) => {
    if (below === 'node_modules') return true;
    // Of addons that come for many systems.
    const system = /(?:^|\/)prebuilds\/([^/]+)$/.exec(below)?.[1];
    return /\.(d\.[cm]?ts|[cm]?js\.map|tsbuildinfo)$/.test(below) || (system ?? ownSystem) !== ownSystem;
  });
}

const ownSystem = `linux-${process.arch}`;

/** Where it is a clone, without what git ignores. */
function knotEntries(root: string): Entry[] {
  const known = trackedBy(root);
  const isKnown = (path: string) => known === undefined || known.has(path);
  const folder = (name: string, leaveOut: (path: string) => boolean = () => false) =>
    filesBelow(join(root, name), `${home}/${name}`, (path) => leaveOut(path) || !isKnown(`${name}/${path}`));
  const build = join(root, 'dashboard/build');
  if (!existsSync(join(build, '200.html'))) throw new Error('the dashboard is not built: run npm run build');
  const start = '#!/usr/local/bin/node\nimport("/opt/knot/gateway/main.ts");\n';
  return [
    ...folder('gateway', (path) => /^(bin|decisions)$|\.md$/.test(path)),
    ...folder('policies'),
    ...folder('charts/templates'),
    ...filesBelow(build, `${home}/dashboard/build`, (path) => path === '.sources'),
    ...['package.json', 'LICENSE'].map((name) => fileAt(join(root, name), `${home}/${name}`)),
    { kind: 'file', path: 'usr/local/bin/knot', content: start, mode: 0o755 },
  ];
}

/** Files and the folders that hold them. */
function trackedBy(root: string): Set<string> | undefined {
  if (!existsSync(join(root, '.git'))) return undefined;
  const listed = execFileSync('git', ['-C', root, 'ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const known = new Set<string>();
  for (const file of listed.split('\0'))
    for (let path = file; path !== '' && !known.has(path); path = path.slice(0, Math.max(0, path.lastIndexOf('/'))))
      known.add(path);
  return known;
}

function systemPackages(libraries: readonly string[]): OtherPart[] {
  const arch = architectureHere();
  return libraries.flatMap((file) => {
    const found = systemPackageOf(realpathSync(file)) ?? systemPackageOf(file);
    return found ? [{ purl: `pkg:deb/debian/${found.name}?arch=${arch}`, ...found }] : [];
  });
}

function helmPart(helm: string): OtherPart {
  const version = execFileSync(helm, ['version', '--template={{.Version}}'], { encoding: 'utf8' }).trim();
  const [major] = /^v?(\d+)/.exec(version)?.slice(1) ?? [];
  return { purl: `pkg:golang/helm.sh/helm/v${major}`, name: 'helm', version, license: 'Apache-2.0' };
}

function billEntry(bill: string): Entry {
  return { kind: 'file', path: `${home}/sbom.cdx.json`, content: bill };
}
