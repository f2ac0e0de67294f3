import type { Integration } from './integration.ts';

/** What is the same for all tools that run elsewhere: Knot starts nothing, and knows their state by asking. */
export type Elsewhere = Pick<Integration, 'start' | 'stop' | 'tile' | 'health' | 'onChange'> & { probePath: string };

/** `words`: what it is for, to who looks at its tile. `probePath`: what answers there without a sign-in. */
export function elsewhere({ name, words, probePath }: { name: string; words: string; probePath: string }): Elsewhere {
  return {
    start: () => undefined,
    stop: () => Promise.resolve(),
    probePath,
    tile: () => ({ status: 'unknown', message: words }),
    health: () => [{ name, status: 'working', message: 'Runs elsewhere; nobody has asked it yet.' }],
    onChange: () => () => undefined,
  };
}
