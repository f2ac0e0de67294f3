import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Why there is no skopeo here; undefined when there is one. */
export const skopeoMissing = (): string | undefined =>
  existsSync('/usr/bin/skopeo') ? undefined : 'skopeo is not installed';

/** Runs a program to its end. `HOME` is `home`, so that nothing of the user's is read or written. */
export function run(
  command: readonly string[],
  { home, input = '', environment = {} }: { home: string; input?: string; environment?: Record<string, string> },
): Promise<{ status: number; output: string }> {
  const [program, ...args] = command as [string, ...string[]];
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { env: { PATH: process.env['PATH'], HOME: home, XDG_RUNTIME_DIR: home, ...environment }, timeout: 120_000 },
      (error, stdout, stderr) =>
        resolve({ status: error ? Number(error.code ?? 1) || 1 : 0, output: `${stdout}\n${stderr}` }),
    );
    child.stdin!.on('error', () => undefined);
    child.stdin!.end(input);
  });
}
