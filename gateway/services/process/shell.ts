import type { Conversation } from '../../process/index.ts';
import type { Shell } from '../shell.ts';

/** Letters of the messages to `terminal.mjs`; what comes back is what the terminal shows, as it is. */
const letters = { input: 0x69, size: 0x73 } as const;

/** A shell that `terminal.mjs` holds. Nothing that it says is believed: it is in the hands of whoever uses the terminal. */
export function createShell({ input, output, ended, end }: Conversation): Shell {
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));

  function send(letter: number, bytes: Buffer): boolean {
    if (hasEnded || !input.writable) return true;
    const head = Buffer.alloc(5);
    head[0] = letter;
    head.writeUInt32BE(bytes.length, 1);
    input.write(head);
    return input.write(bytes);
  }

  return {
    write: (bytes) => send(letters.input, bytes),
    onDrain: (listener) => void input.on('drain', listener),
    onData: (listener) => void output.on('data', listener),
    pause: () => void output.pause(),
    resume: () => void output.resume(),
    resize: ({ columns, rows }) => void send(letters.size, Buffer.from(JSON.stringify([columns, rows]))),
    ended,
    end,
  };
}
