/** Taking acts back from what their answers said: by the toast at once, by the tray of notices also after a reload. */
import { problemIn, request } from '#lib/api/request.ts';
import type { UndoRequest } from '#lib/api/undo.ts';
import { refresh } from '#lib/live/changes.ts';
import { attempt, say } from '#lib/toasts.svelte.ts';
import { counted } from '#lib/words.ts';

type Told = { text: string; about?: string | undefined };

/**
 * Takes back what was done as one act, the last of it first; `told` is the notice of that act. What somebody changed since stays as it
 * is and is named.
 */
export async function takeBack(requests: readonly UndoRequest[], { text, about }: Told): Promise<void> {
  const more = about === undefined ? {} : { about };
  const [only] = requests;
  if (only && requests.length === 1) await attempt(() => send(only), `Undone: ${text}`, more);
  else await takeAllBack(requests, more);
  const topics = [...new Set(requests.map(({ topic }) => topic))];
  void refresh(...topics.map((topic) => ({ topic })));
}

const send = ({ method, path, body }: UndoRequest): Promise<unknown> => request(method, path, body);

async function takeAllBack(requests: readonly UndoRequest[], more: { about?: string }): Promise<void> {
  const failed: string[] = [];
  for (const one of requests.toReversed()) {
    await send(one).catch((error: unknown) => failed.push(`${one.name ?? 'One of them'}: ${problemIn(error).message}`));
  }
  if (failed.length === 0) return say(`Undone for ${counted(requests.length, 'row', 'rows')}.`, more);
  const listed = failed.slice(0, 3).join(' ') + (failed.length > 3 ? ` And ${failed.length - 3} more.` : '');
  say(`Not undone for ${failed.length} of ${requests.length}. ${listed}`, { ...more, tone: 'failed' });
}
