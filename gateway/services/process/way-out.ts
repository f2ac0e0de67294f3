import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Account } from '../../process/index.ts';
import type { Service } from '../service.ts';

export type ServiceOutbound = {
  /** Whether a service may reach anything at all. */
  isOpenTo(service: Service): boolean;
  /** `Outbound.open` for a service. */
  open(at: { socket: string; service: Service; onRefused(sentence: string): void }): Promise<() => void>;
};

/** Opens the way out of a service, at a socket that only its account connects to; the function that closes it. */
export async function openWayOut(
  outbound: ServiceOutbound,
  {
    service,
    socket,
    account,
    onRefused,
  }: { service: Service; socket: string; account: Account | undefined; onRefused(sentence: string): void },
): Promise<() => void> {
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  rmSync(socket, { force: true });
  const close = await outbound.open({ socket, service, onRefused });
  chmodSync(socket, 0o600);
  if (account !== undefined) chownSync(socket, account.uid, account.gid);
  return () => {
    close();
    rmSync(socket, { force: true });
  };
}
