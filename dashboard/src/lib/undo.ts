/** Taking acts back from what their answers said: by the toast at once, by the tray of notices also after a reload. */
import { problemIn, request } from '#lib/api/request.ts';
import type { UndoRequest } from '#lib/api/undo.ts';
import { refresh } from '#lib/live/changes.ts';
import { attempt, say } from '#lib/toasts.svelte.ts';
import { readable } from '#lib/files/readable.ts';
import { counted } from '#lib/words.ts';

type Told = { text: string; about?: string | undefined };

/**
 * Takes back what was done as one act, the last of it first; `told` is the notice of that act. What somebody changed since stays as it
 * is and is named.
 */
export async function takeBack(requests: readonly UndoRequest[], { text, about }: Told): Promise<void> {
  const more = about === undefined ? {} : { about };
  const [only] = requests;
  if (only && requests.length === 1)
    await attempt(
      () => send(only),
      (beside) => beside ?? `Undone: ${text}`,
      more,
    );
  else await takeAllBack(requests, more);
  const topics = [...new Set(requests.map(({ topic }) => topic))];
  void refresh(...topics.map((topic) => ({ topic })));
}

/** Takes back one step; a sentence when it could only come back elsewhere. */
async function send({ method, path, body, where }: UndoRequest): Promise<string | undefined> {
  const answer = await request<{ path?: string } | undefined>(method, path, body);
  if (where === undefined || answer?.path === undefined || answer.path === where) return undefined;
  return `“${readable(where)}” is back as “${readable(answer.path)}”, because its own name is taken now.`;
}

async function takeAllBack(requests: readonly UndoRequest[], more: { about?: string }): Promise<void> {
  const failed: string[] = [];
  const remarks: string[] = [];
  for (const one of requests.toReversed()) {
    const remark = await send(one).catch((error: unknown) =>
      failed.push(`${one.name ?? 'One of them'}: ${problemIn(error).message}`),
    );
    if (typeof remark === 'string') remarks.push(remark);
  }
  const rows = requests.filter(({ isStep }) => !isStep).length;
  if (failed.length === 0) return say([`Undone for ${counted(rows, 'row', 'rows')}.`, ...remarks].join(' '), more);
  const listed = failed.slice(0, 3).join(' ') + (failed.length > 3 ? ` And ${failed.length - 3} more.` : '');
  say(`Not undone for ${failed.length} of ${requests.length}. ${listed}`, { ...more, tone: 'failed' });
}
