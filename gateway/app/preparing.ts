import type { Integration } from '../integrations/index.ts';
import { type Clock, every, type Log } from '../lib/index.ts';

/** A step that says nothing for this long is told again, with its age. */
const silenceMs = 8_000;

/**
 * Writes into the log what each tool does until it is ready: every step as it begins, and one line at least every ten seconds, so
 * that nobody has to guess whether a first start still moves.
 */
export function tellPreparing(
  tools: readonly Integration[],
  { clock, log, checkMs = 1_000 }: { clock: Clock; log: Log; checkMs?: number },
): { close(): void } {
  const told = new Map<Integration, { text: string; at: number }>();
  const tell = (tool: Integration): void => {
    const { status, message, progress, step, stepStartedAt } = tool.tile();
    const now = clock.now();
    const last = told.get(tool);
    if (status !== 'preparing') {
      if (last && status === 'ready') log.info({ tool: tool.name }, `${tool.title} is ready`);
      told.delete(tool);
      return;
    }
    // Within a step the message may count files; those lines are bounded by time.
    const isNewStep = last?.text !== (step ?? message);
    if (!isNewStep && now - last.at < silenceMs) return;
    told.set(tool, { text: step ?? message, at: now });
    const seconds = stepStartedAt === undefined ? undefined : Math.round((now - stepStartedAt) / 1000);
    log.info(
      {
        tool: tool.name,
        ...(progress !== undefined && { percent: Math.round(progress * 100) }),
        ...(!isNewStep && seconds !== undefined && { seconds }),
      },
      `${tool.title}: ${message}`,
    );
  };
  const forget = tools.map((tool) => tool.onChange(() => tell(tool)));
  const looking = every(checkMs, () => tools.forEach(tell), { log, complaint: 'telling what a tool prepares failed' });
  return {
    close() {
      void looking.stop();
      for (const stop of forget) stop();
    },
  };
}
