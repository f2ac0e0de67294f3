/**
 * The uploads of one person in one page: who is next, what happens after each attempt, what a person decides. It knows nothing of the
 * browser; what it needs is handed in.
 */
import { createLine } from './line.ts';
import { type Decision, isActive, type Upload } from './model.ts';
import type { Outcome } from './outcome.ts';
import { delayAfter, type Verdict, verdictOn } from './verdict.ts';

export type QueueParts = {
  /** One attempt to bring it to the gateway. */
  send(upload: Upload, told: (bytes: number) => void): { outcome: Promise<Outcome>; stop(): void };
  /** Its SHA-256. @throws when it cannot be read any more, or is another one than was chosen */
  digest(upload: Upload, told: (bytes: number) => void, signal: AbortSignal): Promise<string>;
  /** Tells the gateway that nothing more will come. */
  giveUp(upload: Upload): void;
  /** Something happened that has to outlive the page, or needs not to any more. */
  keep(upload: Upload): void;
  drop(upload: Upload): void;
  /** Something can be seen differently. */
  changed(): void;
  landed(upload: Upload): void;
  isOnline(): boolean;
  later(act: () => void, milliseconds: number): void;
};

/** Enough for the line to be full between small files; HTTP/1.1 leaves room for the page's own questions (six in all). */
const mostSending = 3;
/** Reckoned ahead, so that nobody waits for it. */
const mostReady = 8;

export type Queue = ReturnType<typeof createQueue>;

export function createQueue(parts: QueueParts) {
  const uploads = new Map<string, Upload>();
  const [toDigest, toSend] = [createLine<Upload>(), createLine<Upload>()];
  /** What is under way for an upload; an end that comes after the stop finds another one here, or none. */
  const running = new Map<string, { stop(): void }>();
  const decisions = new Map<string, Decision>();
  let ready = 0;
  let sending = 0;
  let isDigesting = false;
  let isHalted = false;

  function enter(upload: Upload, { isNext = false } = {}): void {
    upload.state = 'waiting';
    const line = upload.sha256 === undefined ? toDigest : toSend;
    if (line === toSend) ready += 1;
    if (isNext) line.addFirst(upload);
    else line.add(upload);
  }

  function pump(): void {
    while (!isHalted && sending < mostSending) {
      const next = toSend.take();
      if (!next) break;
      ready -= 1;
      if (next.state === 'waiting' && uploads.has(next.key) && !running.has(next.key)) void sendOne(next);
    }
    while (!isHalted && !isDigesting && ready < mostReady) {
      const next = toDigest.take();
      if (!next) break;
      if (next.state === 'waiting' && uploads.has(next.key) && !running.has(next.key)) void digestOne(next);
    }
    parts.changed();
  }

  async function digestOne(upload: Upload): Promise<void> {
    const controller = new AbortController();
    const run = { stop: () => controller.abort() };
    running.set(upload.key, run);
    isDigesting = true;
    upload.state = 'checking';
    upload.read = 0;
    const told = (bytes: number): void => {
      upload.read = bytes;
      parts.changed();
    };
    const sha256 = await parts.digest(upload, told, controller.signal).catch(() => undefined);
    isDigesting = false;
    if (running.get(upload.key) === run) {
      running.delete(upload.key);
      if (sha256 === undefined) act(upload, verdictOn(upload, { kind: 'unreadable' }));
      else {
        upload.sha256 = sha256;
        enter(upload);
      }
    }
    pump();
  }

  async function sendOne(upload: Upload): Promise<void> {
    sending += 1;
    upload.state = 'sending';
    upload.problem = undefined;
    const before = upload.sent;
    const told = (bytes: number): void => {
      if (running.get(upload.key) !== run) return;
      if (bytes > before) upload.attempts = 0;
      upload.sent = bytes;
      upload.state = bytes === upload.size ? 'finishing' : 'sending';
      parts.changed();
    };
    const run = parts.send(upload, told);
    running.set(upload.key, run);
    upload.hasBegun = true;
    parts.keep(upload);
    const outcome = await run.outcome;
    sending -= 1;
    if (running.get(upload.key) === run) {
      running.delete(upload.key);
      const isForgotten = outcome.kind === 'changed' || outcome.kind === 'unreadable';
      if (isForgotten) parts.giveUp(upload);
      act(upload, verdictOn(upload, outcome, { decided: decisions.get(upload.batch), isOnline: parts.isOnline() }));
    }
    pump();
  }

  function act(upload: Upload, { to, ...changes }: Verdict): void {
    Object.assign(upload, changes);
    if (to === 'anew') upload.sha256 = undefined;
    if (to === 'again' || to === 'anew') enter(upload, { isNext: true });
    else upload.state = to === 'halted' ? 'paused' : to;
    if (to === 'delayed') waitFor(upload);
    if (to === 'halted') isHalted = true;
    if (to === 'done' || to === 'skipped') parts.drop(upload);
    else parts.keep(upload);
    if (to === 'done') parts.landed(upload);
  }

  function waitFor(upload: Upload): void {
    const { attempts } = upload;
    parts.later(() => {
      if (upload.state === 'delayed' && upload.attempts === attempts) wake(upload);
    }, delayAfter(attempts));
  }

  function wake(upload: Upload): void {
    enter(upload, { isNext: true });
    pump();
  }

  /** Ends what is under way for it, so that its outcome is nobody's any more. */
  function stop(upload: Upload): void {
    const run = running.get(upload.key);
    running.delete(upload.key);
    run?.stop();
  }

  const all = (keys?: readonly string[]): Upload[] =>
    keys === undefined ? [...uploads.values()] : keys.map((key) => uploads.get(key)).filter((one) => one !== undefined);

  return {
    uploads: uploads as ReadonlyMap<string, Upload>,
    isHalted: () => isHalted,
    /** Adds some; those that are `left` or `failed` only stand there. */
    add(more: readonly Upload[]): void {
      for (const upload of more) {
        uploads.set(upload.key, upload);
        if (upload.state === 'waiting') enter(upload);
      }
      pump();
    },
    pause(keys?: readonly string[]): void {
      for (const upload of all(keys)) {
        if (!isActive(upload)) continue;
        stop(upload);
        upload.state = 'paused';
        parts.keep(upload);
      }
      pump();
    },
    /** Goes on with what is paused, tries again what failed. */
    resume(keys?: readonly string[]): void {
      for (const upload of all(keys)) {
        if (upload.state !== 'paused' && upload.state !== 'failed') continue;
        if (upload.source === undefined) continue;
        if (upload.state === 'failed') Object.assign(upload, { attempts: 0, isRepeated: false, problem: undefined });
        enter(upload);
      }
      pump();
    },
    /** Gives some up, or all that are not at their end. */
    cancel(keys?: readonly string[]): void {
      for (const upload of all(keys)) {
        if (upload.state === 'done' || upload.state === 'skipped') continue;
        stop(upload);
        uploads.delete(upload.key);
        parts.drop(upload);
        if (upload.hasBegun) parts.giveUp(upload);
      }
      pump();
    },
    /** What is done about a name that is taken; `isForAll`: about every one of what was dropped together, also those to come. */
    decide(key: string, decision: Decision, { isForAll = false } = {}): void {
      const asked = uploads.get(key);
      if (!asked) return;
      if (isForAll) decisions.set(asked.batch, decision);
      for (const upload of isForAll ? all() : [asked]) {
        if (upload.state !== 'asked' || upload.batch !== asked.batch) continue;
        act(upload, verdictOn(upload, { kind: 'taken', there: upload.there }, { decided: decision, isOnline: true }));
      }
      pump();
    },
    /** The file of an upload of an earlier visit is here again. */
    found(key: string, source: Upload['source']): void {
      const upload = uploads.get(key);
      if (upload?.state !== 'left') return;
      Object.assign(upload, { source, attempts: 0, problem: undefined });
      enter(upload);
      pump();
    },
    /** Something is said of one by somebody else. */
    note(upload: Upload, message: string): void {
      upload.problem = { message };
      parts.changed();
    },
    /** The line is back: nobody waits any longer. */
    wakeAll(): void {
      for (const upload of all()) if (upload.state === 'delayed') enter(upload, { isNext: true });
      pump();
    },
    /** Takes what is at its end from the list. */
    clear(): void {
      for (const { key, state } of all()) if (state === 'done' || state === 'skipped') uploads.delete(key);
      parts.changed();
    },
  };
}
