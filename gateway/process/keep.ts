import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { systemEnvironment } from './environment.ts';

/**
 * Starts the keeper, a program of its own that outlives the gateway: see `keeper.ts`. Resolves when it runs as nobody's child: the
 * gateway may be replaced in its own process and would never hear of its end.
 */
export async function startKeeper(stateFolder: string, instance: string, seconds: number): Promise<void> {
  const starter = spawn(
    process.execPath,
    [join(import.meta.dirname, 'keeper.ts'), 'start', stateFolder, instance, String(seconds)],
    { env: systemEnvironment(), stdio: 'ignore' },
  );
  await new Promise<void>((resolve, reject) => {
    starter.on('error', reject);
    starter.on('exit', () => resolve());
  });
}
