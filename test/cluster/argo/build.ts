/**
 * Argo Workflows for tests: its server, its controller, and what stands beside each step in a pod, built from `module` by Go, once, into
 * the cache of the tests, and never shipped. Run by itself (`node test/cluster/argo/build.ts`) it makes sure that everything is there.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { folderOf, hasGo, makeOnce, markUsed, requiredVersion, runGo } from '../../support/process/go-programs.ts';

const kind = 'argo';
const module = join(import.meta.dirname, 'module');
const source = 'github.com/argoproj/argo-workflows/v4';
export const argoVersion = requiredVersion(module, source);
/** Of the tag; the server says it at /api/v1/version. */
const commit = '0ab1452144d8f4d57c50b37ce50dad218868e950';

const builds = [
  { file: 'argo', from: '.' },
  { file: 'workflow-controller', from: `${source}/cmd/workflow-controller` },
] as const;
/** What a pod of a workflow starts before, beside and in each step: in an image of its own, for pods that really run. */
const executor = { file: 'argoexec', from: `${source}/cmd/argoexec` } as const;

export type ArgoPrograms = {
  /** `argo` is the command for people as well as the server (`argo server`). */
  argo: string;
  controller: string;
  /** Definitions and roles, as the project publishes them. */
  manifests: string;
};

/** With CI=true it is an error when there is no way to get them: what is never run there is never tested. */
export async function argoPrograms(): Promise<ArgoPrograms | { skip: string }> {
  const folder = folderOf(kind, module, linkerFlags);
  if (isComplete(folder)) {
    markUsed(folder);
  } else {
    if (!hasGo() && process.env['CI'] === 'true') throw new Error('Go is not installed');
    if (!hasGo()) return { skip: 'Go is not installed, and Argo is built by it' };
    await makeOnce(kind, folder, isComplete, (unfinished) =>
      build(unfinished, builds).then(() => keepManifests(unfinished)),
    );
  }
  const file = (name: string): string => join(folder, name);
  return {
    argo: file('argo'),
    controller: file('workflow-controller'),
    manifests: file('manifests'),
  };
}

/** The file of `argoexec`. */
export async function argoExecutor(): Promise<string> {
  const folder = folderOf('argoexec', module, linkerFlags);
  const file = join(folder, executor.file);
  if (existsSync(file)) markUsed(folder);
  else
    await makeOnce(
      'argoexec',
      folder,
      () => existsSync(file),
      (unfinished) => build(unfinished, [executor]),
    );
  return file;
}

const isComplete = (folder: string): boolean =>
  ['manifests', ...builds.map(({ file }) => file)].every((name) => existsSync(join(folder, name)));

const linkerFlags = [
  '-s -w',
  ...Object.entries({ version: argoVersion, gitTag: argoVersion, gitCommit: commit, gitTreeState: 'clean' }).map(
    ([name, value]) => `-X ${source}.${name}=${value}`,
  ),
].join(' ');

/**
 * The published module lacks one thing that it embeds, the built page, for which a module cannot be replaced in part. So what is needed
 * of all modules is copied beside ours (`go mod vendor`, checked against `go.sum`), and a page of our own is put there.
 */
async function build(unfinished: string, programs: readonly { file: string; from: string }[]): Promise<void> {
  const copy = await mkdtemp(join(unfinished, 'module-'));
  await cp(module, copy, { recursive: true });
  // Says that it found no page to embed, and fails for that; all is there nevertheless, or the builds fail.
  await runGo(copy, ['mod', 'vendor']).catch(() => undefined);
  const page = join(copy, 'vendor', source, 'ui', 'dist', 'app');
  await mkdir(page, { recursive: true });
  await writeFile(join(page, 'index.html'), placeholder);
  // The module lacks the file of Linux beside that of Darwin, which says the same.
  const signals = join(copy, 'vendor', source, 'workflow', 'executor', 'osspecific');
  if (existsSync(join(signals, 'signal_darwin.go'))) {
    await cp(join(signals, 'signal_darwin.go'), join(signals, 'signal_linux.go'), {
      errorOnExist: false,
      force: false,
    });
  }
  for (const { file, from } of programs) {
    await runGo(copy, ['build', '-mod=vendor', '-p', '2', '-ldflags', linkerFlags, '-o', join(unfinished, file), from]);
  }
  await rm(copy, { recursive: true, force: true });
}

async function keepManifests(unfinished: string): Promise<void> {
  await cp(join(await folderOfSource(), 'manifests'), join(unfinished, 'manifests'), { recursive: true });
  await makeWritable(join(unfinished, 'manifests'));
}

/** Where Go keeps the module as it was published. */
async function folderOfSource(): Promise<string> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', source], { cwd: module });
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

/** In Go's cache nothing may be written, and so nothing of a copy be removed. */
async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
  }
}

/** The server puts its base address into it. */
const placeholder = `<!doctype html>
<html lang="en">
<head><base href="/"><meta charset="utf-8"><title>Argo</title></head>
<body><p>The pages of Argo Workflows are not part of what the tests build.</p></body>
</html>
`;

if (import.meta.main) {
  const programs = await argoPrograms();
  if ('skip' in programs) console.error(`No Argo Workflows: ${programs.skip}.`);
}
