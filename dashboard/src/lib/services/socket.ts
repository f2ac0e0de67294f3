/** A WebSocket of Knot that comes back by itself: after a broken line, and after a restart of Knot. */
import { apiRoot } from '#lib/api/request.ts';

/** Codes with which Knot ends one for good (gateway/api/open-streams.ts). */
const ends = new Set([1000, 1007, 1008, 4001, 4002, 4029]);
const leastWaitMs = 500;
const mostWaitMs = 20_000;

export type Line = {
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
};

/**
 * `path` is asked for at each attempt, so that it can say where to go on. `onstate`: whether the line stands. `onend`: it does not come
 * back; with the code, and what Knot said.
 */
export function openLine(options: {
  path: () => string;
  onmessage: (data: string | ArrayBuffer) => void;
  onstate: (isOpen: boolean) => void;
  onend: (code: number, reason: string) => void;
}): Line {
  const { path, onmessage, onstate, onend } = options;
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waitMs = leastWaitMs;
  let refusals = 0;
  let isClosed = false;

  function connect(): void {
    const url = new URL(apiRoot + path(), location.href);
    url.protocol = 'wss:';
    const opened = new WebSocket(url);
    let wasOpen = false;
    socket = opened;
    opened.binaryType = 'arraybuffer';
    opened.onopen = () => {
      wasOpen = true;
      waitMs = leastWaitMs;
      refusals = 0;
      onstate(true);
    };
    opened.onmessage = ({ data }) => onmessage(data as string | ArrayBuffer);
    opened.onclose = ({ code, reason }) => {
      if (isClosed) return;
      onstate(false);
      if (ends.has(code)) return onend(code, reason);
      // A refusal is not told to pages; after some attempts it is one.
      if (!wasOpen && ++refusals >= 8) return onend(code, reason);
      timer = setTimeout(connect, waitMs * (0.75 + Math.random() / 2));
      waitMs = Math.min(2 * waitMs, mostWaitMs);
    };
  }

  connect();
  return {
    send: (data) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(data);
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}
