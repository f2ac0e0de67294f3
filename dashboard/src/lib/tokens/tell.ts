/** Says once, some days before, that a token which is in use ends: whoever runs a script wants to know before it fails. */
import { tokensApi } from '#lib/api/tokens.ts';
import { readKept, writeKept } from '#lib/kept.ts';
import { orNothing } from '#lib/load.ts';
import { keepNotice } from '#lib/notices.svelte.ts';
import { urls } from '#lib/urls.ts';
import { exactTime } from '#lib/words.ts';
import { endsSoon } from './expiry.ts';

export async function tellEndingTokens(userId: string): Promise<void> {
  const answer = await orNothing(tokensApi.list());
  if (!answer) return;
  const key = `knot-tokens-told:${userId}`;
  const kept = readKept(key);
  const told = new Set(Array.isArray(kept) ? kept : []);
  const ending = answer.tokens.filter((token) => endsSoon(token, Date.now()));
  for (const { id, name, expiresAt } of ending) {
    if (told.has(id)) continue;
    keepNotice({
      tone: 'warning',
      text: `The token “${name}” ends soon.`,
      detail: `What uses it stops working on ${exactTime(expiresAt)}. Make another one and put it there.`,
      about: `token:${id}`,
      link: { href: urls.tokens(), label: 'Tokens' },
    });
  }
  // Of tokens that are gone nothing is kept.
  writeKept(
    key,
    ending.map(({ id }) => id),
  );
}
