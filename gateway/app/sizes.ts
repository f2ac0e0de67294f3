import { availableParallelism, totalmem } from 'node:os';
import { type Config, parseAmount } from '../config/index.ts';
import type { Size } from '../services/index.ts';

/** What a machine has: processors, bytes of memory. */
type Machine = { cpu: number; memory: number };

/** This one: what the control group of the gateway leaves of it, where that is less. */
function thisMachine(): Machine {
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 && constrained < totalmem() ? constrained : totalmem();
  return { cpu: availableParallelism(), memory };
}

/** What services may be promised together. Processors are shared when all are busy; memory that was promised must be there. */
export function promisable({ services: { machine } }: Pick<Config, 'services'>): Machine {
  const whole = thisMachine();
  return {
    cpu: machine.cpu ?? 8 * whole.cpu,
    memory: parseAmount(machine.memory ?? '') ?? Math.floor(whole.memory * 0.8),
  };
}

/** The sizes of the configuration, smallest first, none larger than what there is. */
export function configuredSizes(config: Pick<Config, 'services'>): Size[] {
  const { cpu: processors } = thisMachine();
  const { memory: most } = promisable(config);
  return config.services.sizes
    .map(({ name, title = name, cpu, memory }) => ({
      ...{ name, title },
      cpu: Math.min(cpu, processors),
      memory: Math.min(parseAmount(memory)!, most),
    }))
    .toSorted((one, other) => one.memory - other.memory || one.cpu - other.cpu);
}

/** The same in a cluster, where machines are as large as they are. */
export const sizesOfCluster = (config: Pick<Config, 'services'>): Size[] =>
  config.services.sizes
    .map(({ name, title = name, cpu, memory }) => ({ name, title, cpu, memory: parseAmount(memory)! }))
    .toSorted((one, other) => one.memory - other.memory || one.cpu - other.cpu);
