import { AsyncLocalStorage } from 'node:async_hooks';
import type { AuditEntry } from '../lib/index.ts';

/** With what a program showed that it speaks for a person. */
type Token = { id: string; name: string; username: string };

const tokens = new AsyncLocalStorage<Token>();

/**
 * Does `work` so that every line that is written in it about an act of this person says that a token did it. By the thread of the work and not by
 * an argument, because whoever acts (accounts, shares, files, …) writes lines of its own, and one that forgot would say that the person was there.
 */
export function throughToken<T>(token: Token, work: () => T): T {
  return tokens.run(token, work);
}

/** The line with its token, if one did it. Others may be written meanwhile, by a timer that was set in the work. */
export function withToken(entry: AuditEntry): AuditEntry {
  const token = tokens.getStore();
  if (token === undefined || token.username !== entry.actor) return entry;
  return { ...entry, detail: { ...entry.detail, token: token.name, tokenId: token.id } };
}
