import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Brings a clone into a state that can start: dependencies as the lock file says, the dashboard built from its present
 * sources. Takes some 20 ms when there is nothing to do.
 */
export async function prepare(root, { needsDashboard }) {
  if (!areDependenciesCurrent(root)) {
    const wanted = wantedPackages(root);
    await telling(
      'Installing dependencies',
      () => `${Math.min(installedPackages(root), wanted)} of about ${wanted} packages`,
      run(
        root,
        npm(),
        ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--progress=false'],
        'installing the dependencies',
      ),
    );
  }
  if (!needsDashboard || !existsSync(join(root, 'dashboard', 'src'))) return;
  const sources = hashOfDashboard(root);
  const marker = join(root, 'dashboard', 'build', '.sources');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === sources) return;
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const node = join(root, 'node_modules', '.bin', 'node');
  const isQuiet = true;
  await telling(
    'Building the dashboard',
    () => undefined,
    run(join(root, 'dashboard'), node, [vite, 'build', '--logLevel', 'warn'], 'building the dashboard', { isQuiet }),
  );
  writeFileSync(marker, sources);
}

/** Whether every package that is needed here is installed, and what is installed has the version that the lock file names. */
export function areDependenciesCurrent(root) {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, optional, dev, devOptional, peer, link }]) => {
    if (!path.startsWith('node_modules/') || link) return true;
    // Of other platforms; or of development, without which an image built with `--omit=dev` is complete.
    if (installed[path] === undefined) return Boolean(optional || dev || devOptional || peer);
    return installed[path].version === version;
  });
}

/** Packages that an installation for this platform has: what is only for other systems is left out by npm. */
export function wantedPackages(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const isHere = (allowed, own) => {
    const list = [allowed ?? []].flat();
    return list.length === 0 || ((list.includes(own) || list[0].startsWith('!')) && !list.includes(`!${own}`));
  };
  return Object.entries(packages).filter(
    ([path, { os, cpu, link }]) =>
      path.includes('node_modules/') && !link && isHere(os, process.platform) && isHere(cpu, process.arch),
  ).length;
}

/** Packages that npm has put in place so far, those of a scope one by one. It makes all the folders first, and fills them for minutes. */
export function installedPackages(root) {
  const count = (folder) => {
    let names;
    try {
      names = readdirSync(folder);
    } catch {
      return 0;
    }
    return names.reduce((sum, name) => {
      if (name.startsWith('.')) return sum;
      if (name.startsWith('@')) return sum + count(join(folder, name));
      const isFilled = existsSync(join(folder, name, 'package.json'));
      return sum + (isFilled ? 1 : 0) + count(join(folder, name, 'node_modules'));
    }, 0);
  };
  return count(join(root, 'node_modules'));
}

/** Says what is going on, and again every five seconds with what is known, until the work is done. */
export async function telling(what, known, work, { everyMs = 5000, write = say } = {}) {
  const startedAt = performance.now();
  write(`${what} …`);
  const timer = setInterval(() => {
    const notes = [known(), `${Math.round((performance.now() - startedAt) / 1000)} s`].filter(
      (note) => note !== undefined,
    );
    write(`${what} … ${notes.join(', ')}`);
  }, everyMs);
  try {
    await work;
    write(`${what} took ${Math.round((performance.now() - startedAt) / 1000)} s.`);
  } finally {
    clearInterval(timer);
  }
}

function hashOfDashboard(root) {
  const hash = createHash('sha256');
  const folder = join(root, 'dashboard');
  const skipped = new Set(['build', 'node_modules', '.svelte-kit']);
  const visit = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (skipped.has(entry.name)) continue;
      const child = join(path, entry.name);
      if (entry.isDirectory()) visit(child);
      else hash.update(child.slice(root.length)).update(readFileSync(child));
    }
  };
  visit(folder);
  return hash.digest('hex');
}

function npm() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm';
}

/** Runs a program to its end; a quiet one is heard only when it fails. */
function run(folder, command, args, what, { isQuiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const output = isQuiet ? 'pipe' : 'inherit';
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', output, output], env: withLocalNode(folder) });
    const heard = [];
    child.stdout?.on('data', (chunk) => heard.push(chunk));
    child.stderr?.on('data', (chunk) => heard.push(chunk));
    child.on('error', (error) => reject(new Error(`${what} failed: ${error.message}. Is npm installed?`)));
    child.on('close', (code) => {
      if (code === 0) return resolve();
      process.stderr.write(Buffer.concat(heard));
      reject(new Error(`${what} failed (exit status ${code}); the lines above say why. Start again to retry.`));
    });
  });
}

/** Vite needs a newer Node than the system may have: the one from the dependencies comes first. */
function withLocalNode(folder) {
  const separator = process.platform === 'win32' ? ';' : ':';
  return { ...process.env, PATH: `${join(folder, 'node_modules', '.bin')}${separator}${process.env.PATH}` };
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
