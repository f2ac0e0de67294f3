import type { AuditEntry, Clock } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import * as records from './records.ts';
import { changedMeanwhile, noSuchService } from './refusals.ts';
import type { OwnerLimits, Room } from './room.ts';
import type { Service } from './service.ts';

/** Who acts. */
export type By = {
  actor: string;
  address?: string | undefined;
  /** Of a person: whether what they begin may run without a sandbox. */
  isAdmin?: boolean;
};

export type ChangeOf = {
  /** In the audit. */
  action: string;
  detail?: AuditEntry['detail'];
  /** From how the service is now; empty when nothing is to be done. */
  change(service: Service, transaction: Transaction): records.Change | Promise<records.Change>;
  /** What goes with it, in the same transaction. */
  also?(transaction: Transaction, before: Service, after: Service): Promise<void>;
  /** Nothing is changed when another thing is wanted of it by now. */
  onlyIf?: Service['wish'];
};

/** Changes the record of a service: whole or not at all, with its step, its line in the audit, and everybody who looks told. */
export type ChangeService = (id: string, by: By, what: ChangeOf) => Promise<Service>;

export function createChange(parts: {
  store: Store;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  room: Pick<Room, 'fit' | 'limitsOf'>;
  look(id: string): void;
  clock: Clock;
}): ChangeService {
  const { store, record, room, look, clock } = parts;

  /** What it may take goes with what it is made of, and with every start. */
  async function fitted(
    transaction: Transaction,
    service: Service,
    next: records.Change,
    { limits, isAdmin }: { limits: OwnerLimits; isAdmin: boolean | undefined },
  ): Promise<records.Change> {
    const isBegun = next.state === 'requested' || next.state === 'waking';
    if (!isBegun && next.values === undefined && next.template === undefined) return next;
    const size = await room.fit(transaction, service, records.changed(service, next), limits);
    return { ...next, size, ...(isAdmin !== undefined && { mayLackSandbox: isAdmin }) };
  }

  return async (id, { actor, address, isAdmin }, { action, detail, change, also, onlyIf }) => {
    const seen = await records.findService(store.db, id);
    if (seen === undefined) throw noSuchService();
    const limits = await room.limitsOf(seen.owner);
    const after = await store.transaction(async (transaction) => {
      const { db } = transaction;
      const service = await records.findService(db, id);
      if (service === undefined) throw noSuchService();
      const wanted = await change(service, transaction);
      if (Object.keys(wanted).length === 0) return service;
      const next = await fitted(transaction, service, wanted, { limits, isAdmin });
      if (!(await records.changeService(db, service, next, { ...(onlyIf && { onlyIf }) }))) throw changedMeanwhile();
      if (next.state !== undefined)
        await records.addTransition(db, { serviceId: id, at: clock.now(), state: next.state, actor });
      const changed = records.changed(service, next);
      await also?.(transaction, service, changed);
      await record(transaction, {
        action,
        actor,
        subject: `service:${service.owner.name}/${service.name}`,
        outcome: 'done',
        ...(address !== undefined && { address }),
        ...(detail && { detail }),
      });
      transaction.announce({ topic: 'services', key: records.changeKeyOf(service) });
      return changed;
    });
    look(id);
    return after;
  };
}

/** It is begun anew with what it is now, if it is to run; what sleeps or was stopped has it when it is woken or started. */
export const begunAnew = ({ wish, revision }: Service, now: number): records.Change => ({
  ...(wish === 'running' && { state: 'requested', since: now }),
  revision: revision + 1,
});
