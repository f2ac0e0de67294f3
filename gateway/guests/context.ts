import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts } from '../accounts/index.ts';
import type { PublicAddress } from '../config/index.ts';
import type { Entry, Files } from '../files/index.ts';
import type { AuditEntry, Clock, Log } from '../lib/index.ts';
import type { Live } from '../live/index.ts';
import type { Throttle } from '../login/index.ts';
import type { Owners } from '../owners/index.ts';
import type { Policy } from '../policy/index.ts';
import type { Shares } from '../shares/index.ts';

/** Given by `app.ts` from the API: how bytes that people put there are answered. */
export type Content = {
  /** Ranges and conditions; closes the descriptor; `onStream` is called when bytes begin to flow. */
  sendFile(
    request: FastifyRequest,
    reply: FastifyReply,
    file: { entry: Entry; descriptor: number; isKept: boolean },
    onStream: () => void,
  ): FastifyReply;
  /** The name in Content-Disposition. */
  filename(name: string): string;
};

export type GuestOptions = {
  shares: Pick<Shares, 'openLink' | 'lookAtLink' | 'rightsOn' | 'noteUse' | 'beginVisit'>;
  /** Where a service is reached; undefined when it is no more. */
  hostOfService(id: string): Promise<{ host: string; origin: string } | undefined>;
  accounts: Pick<Accounts, 'findUser' | 'findTeam'>;
  owners: Pick<Owners, 'area'>;
  policy: Pick<Policy, 'decide'>;
  files: Files | undefined;
  content: Content;
  live: Pick<Live, 'open'>;
  audit: { append(entry: AuditEntry): Promise<void> };
  /** Slows down guessing links. */
  throttle: Pick<Throttle, 'take' | 'refund'>;
  publicAddress: PublicAddress;
  /** Client address of a request, through trusted proxies. */
  addressOf: (request: FastifyRequest) => string;
  clock: Clock;
  log: Log;
};
