import { readFileSync } from 'node:fs';

/** `_SC_CLK_TCK`: 100 for what Linux tells programs, on every architecture that Node runs on. */
export const msPerTick = 10;

/**
 * How long a process has had a processor, in milliseconds (proc_pid_stat(5), utime and stime); undefined on other systems, and
 * when it is gone.
 */
export function processorMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name may hold spaces and parentheses; the fields begin after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * msPerTick;
  } catch {
    return undefined;
  }
}
