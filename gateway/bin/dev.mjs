import { spawn } from 'node:child_process';
import { join } from 'node:path';

/**
 * `npm run dev`: the gateway, started again on each save, and the dashboard served by Vite with hot replacement. Both end
 * together. Open the dashboard at the address Vite prints; it passes everything else on to the gateway.
 */
export function develop(root, node, args, environment) {
  const gateway = spawn(
    node,
    ['--watch', '--watch-preserve-output', join(root, 'gateway', 'main.ts'), 'start', ...args],
    {
      stdio: 'inherit',
      env: environment,
    },
  );
  const dashboard = spawn(node, [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'dev'], {
    cwd: join(root, 'dashboard'),
    stdio: 'inherit',
    env: environment,
  });
  const children = [gateway, dashboard];
  let isStopping = false;
  const stop = (signal) => {
    if (isStopping) return;
    isStopping = true;
    for (const child of children) child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(signal));
  for (const child of children) {
    child.on('exit', () => stop('SIGTERM'));
    child.on('error', (error) => {
      process.stderr.write(`knot: ${error.message}\n`);
      stop('SIGTERM');
    });
  }
}
