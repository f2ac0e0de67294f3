import { knotError, newSecret } from '../lib/index.ts';
import type { Engine } from './engine.ts';
import type { Service } from './service.ts';
import type { Shell, TerminalSize } from './shell.ts';

/** Whose page a terminal is shown on. */
export type TerminalViewer = {
  /** What it shows, from a place in all that it ever showed. */
  show(bytes: Buffer): void;
  /** What is typed may come again. */
  drained(): void;
  /** `ended`: the shell, with its exit code; `elsewhere`: another page shows it now; `cut`: by whoever keeps it. */
  over(why: 'ended' | 'elsewhere' | 'cut', code?: number): void;
};

export type OpenTerminal = {
  /** With it a page that lost its line comes back to the same shell. */
  id: string;
  /** Place of the first byte that is shown now. */
  at: number;
  /** Place behind the last byte that was shown before: whoever shows it again answers nothing that a program asked the terminal then. */
  to: number;
  /** From now on it is shown, beginning with what lies behind `at`. */
  begin(): void;
  /** False when no more can be typed for now. */
  type(bytes: Buffer): boolean;
  resize(size: TerminalSize): void;
  /** The page has shown everything before this place. */
  seen(place: number): void;
  /** The line broke: the shell is kept for a while. */
  leave(): void;
  /** The shell ends. */
  end(): void;
};

export type Terminals = {
  /**
   * A new terminal, or the one that was left.
   * @throws KNOT_SERVICES_NOT_RUNNING, KNOT_SERVICES_TOO_MANY_TERMINALS
   */
  open(
    service: Service,
    whose: { userId: string; sessionId: string },
    wanted: TerminalSize & { id?: string | undefined; seen?: number | undefined },
    viewer: TerminalViewer,
  ): Promise<OpenTerminal>;
  close(): void;
};

type Whose = { serviceId: string; userId: string };

type Kept = Whose & {
  id: string;
  shell: Shell;
  sessionId: string;
  viewer: TerminalViewer | undefined;
  /** The viewer is shown what comes. */
  isShown: boolean;
  /** The last it showed, and the place behind it. */
  bytes: Buffer[];
  size: number;
  to: number;
  seen: number;
  isPaused: boolean;
  timer?: NodeJS.Timeout;
};

const mostOfService = 4;
const mostOfPerson = 8;
const keptMs = 60_000;
/** The shell waits when so much was not shown yet: a page that does not keep up is not flooded. */
const mostUnseen = 512 * 1024;
/** Of what was shown, for a page that comes back without anything. */
const history = 64 * 1024;

/** Shells in services, each shown on one page at a time; one whose page lost its line waits for it. Whoever types uses the service. */
export function createTerminals(engine: Pick<Engine, 'openShell'>, noteUse: (serviceId: string) => void): Terminals {
  const all = new Map<string, Kept>();
  const opening = new Set<Whose>();
  const count = (fits: (one: Whose) => boolean): number => [...all.values(), ...opening].filter(fits).length;

  function forget(kept: Kept): void {
    clearTimeout(kept.timer);
    all.delete(kept.id);
  }

  function take(kept: Kept, bytes: Buffer): void {
    kept.bytes.push(bytes);
    kept.size += bytes.length;
    kept.to += bytes.length;
    trim(kept);
    if (kept.isShown) kept.viewer?.show(bytes);
    pace(kept);
  }

  function trim(kept: Kept): void {
    const unseen = kept.to - kept.seen;
    while (kept.bytes.length > 1 && kept.size - kept.bytes[0]!.length >= Math.max(unseen, history))
      kept.size -= kept.bytes.shift()!.length;
  }

  function pace(kept: Kept): void {
    const isBehind = kept.to - kept.seen > mostUnseen;
    if (isBehind === kept.isPaused) return;
    kept.isPaused = isBehind;
    if (isBehind) kept.shell.pause();
    else kept.shell.resume();
  }

  function attach(kept: Kept, viewer: TerminalViewer, from: number): OpenTerminal {
    clearTimeout(kept.timer);
    kept.viewer?.over('elsewhere');
    kept.viewer = viewer;
    kept.isShown = false;
    const first = kept.to - kept.size;
    const at = from >= first && from <= kept.to ? from : first;
    kept.seen = at;
    const mine = (): boolean => kept.viewer === viewer;
    pace(kept);
    return {
      id: kept.id,
      at,
      to: kept.to,
      begin() {
        if (!mine() || kept.isShown) return;
        kept.isShown = true;
        const unseen = Buffer.concat(kept.bytes).subarray(at - (kept.to - kept.size));
        if (unseen.length > 0) viewer.show(unseen);
      },
      type(bytes) {
        if (!mine()) return true;
        noteUse(kept.serviceId);
        return kept.shell.write(bytes);
      },
      resize: (size) => mine() && kept.shell.resize(size),
      seen(place) {
        if (!mine() || place <= kept.seen || place > kept.to) return;
        kept.seen = place;
        trim(kept);
        pace(kept);
      },
      leave() {
        if (!mine()) return;
        kept.viewer = undefined;
        kept.isShown = false;
        kept.timer = setTimeout(() => void kept.shell.end(), keptMs);
      },
      end: () => void kept.shell.end(),
    };
  }

  async function begin(service: Service, userId: string, sessionId: string, size: TerminalSize): Promise<Kept> {
    const ofService = count(({ serviceId }) => serviceId === service.id);
    if (ofService >= mostOfService || count((one) => one.userId === userId) >= mostOfPerson) throw tooMany();
    const wanted: Whose = { serviceId: service.id, userId };
    opening.add(wanted);
    const shell = await engine.openShell(service, size).finally(() => opening.delete(wanted));
    if (shell === undefined) throw notRunning(service);
    const kept: Kept = {
      ...{ id: newSecret(), shell, serviceId: service.id, userId, sessionId, viewer: undefined, isShown: false },
      ...{ bytes: [], size: 0, to: 0, seen: 0, isPaused: false },
    };
    all.set(kept.id, kept);
    shell.onData((bytes) => take(kept, bytes));
    shell.onDrain(() => kept.viewer?.drained());
    void shell.ended.then((code) => {
      forget(kept);
      kept.viewer?.over('ended', code);
    });
    return kept;
  }

  return {
    async open(service, { userId, sessionId }, { id, seen, ...size }, viewer) {
      const left = id === undefined ? undefined : all.get(id);
      const isTheirs = left?.serviceId === service.id && left.userId === userId && left.sessionId === sessionId;
      if (!isTheirs) return attach(await begin(service, userId, sessionId, size), viewer, 0);
      const opened = attach(left, viewer, seen ?? -1);
      left.shell.resize(size);
      return opened;
    },
    close() {
      for (const kept of all.values()) kept.viewer?.over('cut');
    },
  };
}

const notRunning = ({ name }: Service) =>
  knotError('KNOT_SERVICES_NOT_RUNNING', 409, `${name} is not running, so there is nowhere to open a terminal in.`, {
    remedy: 'Start it, or wake it up; then open the terminal again.',
  });
const tooMany = () =>
  knotError('KNOT_SERVICES_TOO_MANY_TERMINALS', 429, 'Too many terminals are open.', {
    remedy: 'Close one of them; one whose page is gone ends after a minute.',
  });
