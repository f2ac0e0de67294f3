import type { Shell } from '../../gateway/services/shell.ts';
import { eventually } from '../support/eventually.ts';

/** A shell, and all it showed. */
export function gather(shell: Shell) {
  let shown = '';
  shell.onData((bytes) => (shown += bytes.toString()));

  /** Types a command, and waits for what it shows. */
  async function run(command: string, until: RegExp) {
    shell.write(Buffer.from(`${command}\n`));
    return eventually(
      () => `${command}: ${JSON.stringify(shown)}`,
      () => until.exec(shown),
    );
  }

  /** Waits until its terminal has a size: rows and columns, as `stty` says them. Each answer is told from those before it. */
  async function comesToSize(size: string): Promise<void> {
    let asked = 0;
    await eventually('its size is another one', async () => {
      asked += 1;
      const [, found] = await run(`echo "size ${asked}: $(stty size)"`, new RegExp(`size ${asked}: (\\d+ \\d+)`));
      return found === size;
    });
  }

  return { run, comesToSize };
}
