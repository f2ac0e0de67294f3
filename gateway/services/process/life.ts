import type { Child } from '../../process/index.ts';
import type { ServiceReading } from '../output/reading.ts';

/** Notes among what a program says when it was started and how it ended, so that the whole reads as one story. */
export function markLife(child: Child, output: Pick<ServiceReading, 'mark'>): void {
  let known = child.state();
  let hasStarted = false;
  child.onChange(() => {
    const before = known;
    known = child.state();
    const { status, pid, restarts, lastExit, nextStartAt } = known;
    if (restarts > before.restarts) {
      const again = status === 'failed' || nextStartAt === undefined ? '' : ' It is started again.';
      output.mark(`The program ${lastExit ?? 'ended'}.${again}`, 'output');
    }
    if (status === 'starting' && pid !== undefined && (before.status !== 'starting' || before.pid !== pid)) {
      output.mark(hasStarted ? 'Started again.' : 'Started.');
      hasStarted = true;
    }
    if (status === 'running' && before.status !== 'running') output.mark('It answers.');
    if (status === 'stopped' && before.status !== 'stopped') output.mark('Stopped.', 'output');
  });
}
