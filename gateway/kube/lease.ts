import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type ComponentHealth, KnotError, type Log, systemTimers, type Timers } from '../lib/index.ts';
import type { Kube } from './client.ts';
import { isKubeFault } from './faults.ts';
import { kinds, pathOf } from './kinds.ts';
import type { KubeObject } from './objects.ts';

export type LeaseOptions = {
  namespace: string;
  name: string;
  /** Who leads from now on. `signal` is aborted when that is over. */
  onLead(signal: AbortSignal): void;
  /** It is over: writing stops now. There is time for it, a third of `durationMs`, before anybody else leads. */
  onLose(): void | Promise<void>;
  log: Log;
  /** For how long nobody else leads when nothing is heard of who does; whole seconds. */
  durationMs?: number;
  /** Time that nothing but passes (`performance.now`), and timers. */
  now?: () => number;
  timers?: Timers;
};

export type Lease = {
  /** Right now, whatever timers did. */
  isLeader(): boolean;
  /** Who leads, as far as is known. */
  holder(): string | undefined;
  /** Whether somebody leads; what keeps this one from it for `troublesomeMs` and longer is told. */
  health(troublesomeMs?: number): ComponentHealth;
  /** Stops leading, then leaves the lease to whoever comes. */
  close(): Promise<void>;
};

type LeaseObject = KubeObject & {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
};

const usualMs = 15_000;

/**
 * Takes part in choosing who of several processes leads, by a Lease (`coordination.k8s.io/v1`): whoever wrote its name in it last and
 * does so again and again. Each write is of the version that was seen, so that only one gets through. How old what others wrote is, is
 * told by when it was seen to change here: clocks that differ choose nobody.
 *
 * Who leads stops two thirds of the duration after it *began* the last write that got through, whether a request is under way or not;
 * nobody else begins before all of it is over:
 *
 *     write begins ── leads ──▶ 2/3: stops ── its work ends ──▶ 3/3: another may take it
 */
export function takeLease(kube: Kube, options: LeaseOptions): Lease {
  const { namespace, name, onLead, onLose, log, durationMs = usualMs } = options;
  const { now = () => performance.now(), timers = systemTimers } = options;
  const me = `${hostname()}_${randomUUID()}`;
  const requestMs = durationMs / 5;
  const path = pathOf(kinds.lease, namespace, name);
  /** What was seen last, and when it was first seen so. */
  let seen: { object: LeaseObject; at: number } | undefined;
  let leading: { controller: AbortController; until: number; callOff: () => void } | undefined;
  let losing: Promise<void> = Promise.resolve();
  let looking: Promise<void> | undefined;
  let isAgain = false;
  /** Whether a write can be of the version that was seen. */
  let isKnown = false;
  let isClosed = false;
  /** Since when nothing is known of it, or it cannot be written. */
  let trouble: { since: number; error: unknown } | undefined;
  let callOffNext = () => undefined as void;
  const cache = kube.watch<LeaseObject>(kinds.lease, { namespace, fields: `metadata.name=${name}` });
  // Who leaves it, or takes it, is heard of at once.
  cache.onChange((object, type) => {
    if (type === 'deleted') seen = undefined;
    else note(object);
    if (leading === undefined || holderOf(object) !== me) look();
  });

  /** What says the same as what was seen before is as old as that. */
  function note(object: LeaseObject): void {
    const isSame =
      seen?.object.spec?.renewTime === object.spec?.renewTime && holderOf(seen?.object) === holderOf(object);
    if (Number(object.metadata.resourceVersion) < Number(seen?.object.metadata.resourceVersion)) return;
    seen = { object, at: isSame && seen !== undefined ? seen.at : now() };
  }

  function look(): void {
    if (isClosed) return;
    isAgain = looking !== undefined;
    looking ??= once().finally(() => {
      looking = undefined;
      if (isAgain) look();
    });
  }

  async function once(): Promise<void> {
    callOffNext();
    let pauseMs = durationMs / 7;
    try {
      await tryToLead();
      trouble = undefined;
    } catch (error) {
      if (!isKubeFault(error, 'KNOT_KUBE_CONFLICT')) {
        trouble = { since: trouble?.since ?? now(), error };
        log.warn({ err: error, lease: name }, 'the lease was not renewed');
      }
      isKnown = false;
      pauseMs = durationMs / 30;
    }
    if (!isClosed) callOffNext = timers.after(pauseMs * (1 + Math.random() * 0.2), look);
  }

  async function tryToLead(): Promise<void> {
    if (!isKnown) {
      const found = await kube.ask<LeaseObject>({ method: 'GET', path, ...limits() }).catch((error: unknown) => {
        if (isKubeFault(error, 'KNOT_KUBE_NOT_FOUND')) return undefined;
        throw error;
      });
      if (found === undefined) seen = undefined;
      else note(found);
      isKnown = true;
    }
    const holder = holderOf(seen?.object);
    if (holder !== undefined && holder !== me && !isOver()) return lose();
    const began = now();
    note(await write(me));
    // Not before what was led the last time is ended.
    if (leading === undefined) await losing;
    lead(began);
  }

  const isOver = (): boolean => {
    const { object, at } = seen!;
    return now() - at >= (object.spec?.leaseDurationSeconds ?? durationMs / 1000) * 1000;
  };

  async function write(holder: string, seconds = Math.ceil(durationMs / 1000)): Promise<LeaseObject> {
    const before = seen?.object.spec;
    const isMine = before?.holderIdentity === me;
    const time = new Date().toISOString().replace('Z', '000Z');
    const object = {
      ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
      metadata: { ...(seen?.object.metadata ?? {}), name, namespace },
      spec: {
        ...{ holderIdentity: holder, leaseDurationSeconds: seconds, renewTime: time },
        acquireTime: isMine ? before.acquireTime : time,
        leaseTransitions: (before?.leaseTransitions ?? 0) + (isMine || before === undefined ? 0 : 1),
      },
    };
    const asked = { body: JSON.stringify(object), headers: { 'content-type': 'application/json' }, ...limits() };
    if (seen === undefined) return kube.ask({ method: 'POST', path: pathOf(kinds.lease, namespace), ...asked });
    return kube.ask({ method: 'PUT', path, ...asked });
  }

  /** What hangs is given up and tried again while there is time. */
  const limits = () => ({ timeoutMs: requestMs, signal: AbortSignal.timeout(requestMs) });

  function lead(began: number): void {
    const until = began + (durationMs * 2) / 3;
    if (isClosed || until <= now()) return lose();
    const callOff = timers.after(until - now(), lose);
    if (leading !== undefined) {
      leading.callOff();
      Object.assign(leading, { until, callOff });
      return;
    }
    leading = { controller: new AbortController(), until, callOff };
    log.info({ lease: name }, 'this process leads');
    onLead(leading.controller.signal);
  }

  function lose(): void {
    if (leading === undefined) return;
    const { controller, callOff } = leading;
    callOff();
    leading = undefined;
    controller.abort();
    log.info({ lease: name }, 'this process leads no more');
    losing = (async () => onLose())().catch((error: unknown) =>
      log.error({ err: error, lease: name }, 'what was led could not be ended'),
    );
  }

  look();
  return {
    isLeader: () => leading !== undefined && now() < leading.until,
    holder: () => holderOf(seen?.object),
    health: (troublesomeMs = durationMs) =>
      healthOfLease({
        isLeader: leading !== undefined && now() < leading.until,
        trouble: trouble !== undefined && now() - trouble.since >= troublesomeMs ? trouble.error : undefined,
      }),
    async close() {
      isClosed = true;
      callOffNext();
      cache.close();
      await looking;
      callOffNext();
      lose();
      await losing;
      // Somebody else may lead by now; then this is refused.
      if (isKnown && holderOf(seen?.object) === me) await write('', 1).catch(() => undefined);
    },
  };
}

/** Who does what is to be done in the cluster, for administrators. */
function healthOfLease({ isLeader, trouble }: { isLeader: boolean; trouble: unknown }): ComponentHealth {
  const name = 'leader';
  if (trouble === undefined || isLeader) {
    const who = isLeader ? 'This gateway does' : 'Another gateway does';
    return { name, status: 'ok', message: `${who} what is to be done in the cluster.` };
  }
  const { message, remedy } =
    trouble instanceof KnotError ? trouble : { message: 'Its log says why.', remedy: undefined };
  return {
    ...{ name, status: 'failed' },
    message: `No gateway can say that it is the one that acts in the cluster, so nothing new is made there; what runs goes on. ${message}`,
    remedy: remedy ?? 'See that the API server answers, and that the Role of the gateway lets it write Leases.',
  };
}

const holderOf = (object: LeaseObject | undefined): string | undefined => object?.spec?.holderIdentity || undefined;
