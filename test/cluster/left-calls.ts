import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type AuditRecord, readAuditLog } from './audit.ts';

/** What one file of tests left: each kind of call of the gateway's account once. */
export type LeftCalls = { file: string; records: AuditRecord[] };

/** How a test says that a request is its own, whoever's token it shows. */
export const testAgent = 'knot-tests';

/** In `LeftCalls`, whatever namespace Knot was installed in. */
export const accountOfGateway = 'knot-gateway';

const root = join(import.meta.dirname, '../..');
const gateways = /^system:serviceaccount:[^:]+:knot-gateway$/;

/**
 * Leaves what gateways with the account of the chart asked of a cluster to the end of a run of many files (`test/run.mjs`, which names
 * the folder), where all of it is held against the roles. Outside such a run it does nothing.
 */
export async function leaveCalls(auditLog: string): Promise<void> {
  const folder = process.env['CALLS_OF_RUN'];
  if (folder === undefined) return;
  const records = callsOfGateways(await readAuditLog(auditLog));
  if (records.length === 0) return;
  const left: LeftCalls = { file: relative(root, process.argv[1] ?? ''), records };
  writeFileSync(join(folder, `${randomUUID()}.json`), JSON.stringify(left));
}

/** All that the files of a run left, in the order of their names. */
export function readLeftCalls(folder: string): LeftCalls[] {
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as LeftCalls;
  return readdirSync(folder)
    .map(read)
    .sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** The records of gateways, without what tests asked with their token, each kind of call once, and as those of one account. */
export function callsOfGateways(records: readonly AuditRecord[]): AuditRecord[] {
  const kinds = new Map<string, AuditRecord>();
  for (const {
    verb,
    user,
    impersonatedUser,
    userAgent,
    objectRef,
    requestURI,
    responseStatus,
    annotations,
  } of records) {
    if (!gateways.test(user.username) || userAgent === testAgent) continue;
    const slim: AuditRecord = {
      ...{ verb, requestURI, user: { username: accountOfGateway } },
      ...(impersonatedUser && {
        impersonatedUser: {
          username: impersonatedUser.username,
          ...(impersonatedUser.extra && { extra: impersonatedUser.extra }),
        },
      }),
      ...(objectRef && { objectRef }),
      ...(responseStatus && { responseStatus: { code: responseStatus.code } }),
      ...(annotations && { annotations }),
    };
    const key = kindOf(slim);
    if (!kinds.has(key)) kinds.set(key, slim);
  }
  return [...kinds.values()];
}

/** Of what is done as somebody else only who that is belongs to the gateway. */
function kindOf({ verb, impersonatedUser, objectRef, requestURI, responseStatus, annotations }: AuditRecord): string {
  if (impersonatedUser) {
    const { username, extra = {} } = impersonatedUser;
    return JSON.stringify(['as', username.split(':').at(-1), Object.keys(extra).sort()]);
  }
  const { resource, subresource, apiGroup, name } = objectRef ?? { resource: requestURI.split('?')[0] };
  const { code = 0 } = responseStatus ?? {};
  const decision = annotations?.['authorization.k8s.io/decision'];
  return JSON.stringify([
    verb,
    resource,
    subresource,
    apiGroup,
    name,
    code < 300,
    code === 201,
    code === 403 && decision,
  ]);
}
