import type { ShareRight } from '../lib/index.ts';
import { type Invocation, required, UsageError } from './command.ts';

/** How somebody is let in, in options: see `letIn`. */
export const letInOptions = {
  with: { type: 'string' },
  right: { type: 'string' },
  for: { type: 'string' },
  'one-browser': { type: 'boolean' },
} as const;

/** Whom to let in, by which right and for how long, as the API takes it. */
export type LetIn = { with: string; right: ShareRight; days?: number; bindsBrowser?: true };

/** `rights`: those that there are on what is shared. @throws UsageError */
export function letIn(invocation: Invocation, rights: readonly ShareRight[]): LetIn {
  const { options } = invocation;
  const right = rights.find((one) => one === required(invocation, 'right'));
  if (right === undefined) throw new UsageError(`--right is ${rights.slice(0, -1).join(', ')} or ${rights.at(-1)}`);
  const days = daysIn(options['for']);
  return {
    with: required(invocation, 'with'),
    right,
    ...(days !== undefined && { days }),
    ...(options['one-browser'] === true && { bindsBrowser: true }),
  };
}

/** How long a share lasts, as commands say it and take it. */
export const untilWords = (at: number | null): string =>
  at === null ? 'without an end' : `until ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** `12h`, `2d`: in days. @throws UsageError */
function daysIn(text: Invocation['options'][string]): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit] = (typeof text === 'string' ? /^(\d{1,4})([hd])$/.exec(text) : undefined) ?? [];
  if (number === undefined) throw new UsageError('--for is a number of hours or days: 12h, 7d');
  return unit === 'h' ? Number(number) / 24 : Number(number);
}

/** What was made. `url`: the link of a guest, which is told once. */
export type Made = { share: { id: string; expiresAt: number | null }; url?: string };

/** Says what was made, in words or, with --json, as that. */
export function sayMade({ options, streams }: Invocation, what: string, whom: string, made: Made): void {
  const { share, url } = made;
  const { id, expiresAt } = share;
  const words =
    url === undefined
      ? `${what} is shared with ${whom} ${untilWords(expiresAt)} (id ${id}).`
      : `${url}   (shown only now; ${untilWords(expiresAt)}, id ${id})`;
  const said = options['json'] === true ? JSON.stringify({ id, expiresAt, ...(url && { url }) }) : words;
  streams.stdout.write(`${said}\n`);
}

/** Says that a share has ended, in words or, with --json, which one it was. */
export function sayEnded({ options, streams }: Invocation, id: string): void {
  streams.stdout.write(`${options['json'] === true ? JSON.stringify({ id }) : `The share ${id} has ended.`}\n`);
}

/** Who came last, in one cell of a table. */
export function cameWords([last]: readonly { name: string; lastAt: number }[]): string {
  return last === undefined ? 'nobody' : `${last.name} ${new Date(last.lastAt).toISOString()}`;
}
