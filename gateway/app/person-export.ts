import type { Readable } from 'node:stream';
import type { User } from '../accounts/index.ts';
import { areaOfKey, type Files } from '../files/index.ts';
import { knotError, withoutSecrets } from '../lib/index.ts';
import { type Service, servicesOf } from '../services/index.ts';
import { partyWords, type Share } from '../shares/index.ts';
import type { Facts } from './facts.ts';

/** Whose things are exported: who has an account, or had one. */
type Person = { id: string; name: string; account: object; teams: User['teams'] };

/** Beside the files, which lie in `files/private`. */
const recordName = 'person.json';
const filesFolder = 'files/private';

/**
 * All that is somebody's in Knot as one zip, while it is read: their private files (without their trash), and in `person.json` the account,
 * teams, tokens by their names, services with the values they were launched with, shares given and received. No secret is in it: no password,
 * no token, no value that a template calls secret. Of somebody who was deleted the files are left, and who it was; what is still in their
 * namespace of a cluster is no part of it. Times are those of ISO 8601.
 * @throws KNOT_CLI_NO_SUCH_USER for a name that nobody has or had
 */
export async function exportPerson(
  facts: Facts,
  files: Pick<Files, 'zip'>,
  { name, now }: { name: string; now: number },
): Promise<Readable> {
  const person = await personOf(facts, name);
  const record = {
    format: 1,
    exportedAt: timeOf(now),
    account: person.account,
    teams: person.teams,
    ...(await ownOf(facts, person.id)),
  };
  await facts.audit.append({ action: 'user.exported', actor: 'cli', subject: `user:${person.name}`, outcome: 'done' });
  const content = Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
  return files.zip(areaOfKey(`private/${person.id}`)!, [], undefined, 'deflate', {
    first: [{ name: recordName, content, date: new Date(now) }],
    below: filesFolder,
  });
}

async function personOf({ accounts, audit }: Facts, name: string): Promise<Person> {
  const user = await accounts.findUserByName(name);
  if (user) {
    const { id, username, email, isEmailProven, state, isAdmin, createdAt, lastSignInAt, teams } = user;
    const times = { createdAt: timeOf(createdAt), lastSignInAt: lastSignInAt === null ? null : timeOf(lastSignInAt) };
    return { id, name: username, account: { id, username, email, isEmailProven, state, isAdmin, ...times }, teams };
  }
  // A name is never given to anybody else.
  const [deleted] = await audit.list({ action: 'user.deleted', subject: `user:${name}`, limit: 1 });
  const id = deleted?.detail?.['id'];
  if (deleted === undefined || typeof id !== 'string')
    throw knotError('KNOT_CLI_NO_SUCH_USER', 404, `There is and was no user "${name}".`, {
      remedy: '`knot user list` shows all of them.',
    });
  return { id, name, account: { id, username: name, deletedAt: timeOf(deleted.at) }, teams: [] };
}

async function ownOf({ accounts, tokens, shares, store }: Facts, id: string): Promise<object> {
  await shares.load();
  const principal = await accounts.principal(id);
  const services = await servicesOf(store.db, [{ kind: 'user', id }]);
  const given = [
    ...shares.of({ kind: 'files', id: `private/${id}` }),
    ...services.flatMap((service) => shares.of({ kind: 'service', id: service.id })),
  ];
  return {
    tokens: (await tokens.list(id)).map(({ name, scopes, createdAt, expiresAt }) => ({
      ...{ name, scopes, createdAt: timeOf(createdAt), expiresAt: timeOf(expiresAt) },
    })),
    services: services.map(serviceRecord),
    shares: { given: given.map(shareRecord), received: principal ? shares.givenTo(principal).map(shareRecord) : [] },
  };
}

function serviceRecord({ id, name, template, values, size, wish, state, createdBy, createdAt }: Service): object {
  const { id: of, title, version, schema } = template;
  return {
    ...{ id, name, template: { id: of, title, version }, values: withoutSecrets(values, schema) },
    ...(size && { size: size.name }),
    ...{ wish, state, createdBy, createdAt: timeOf(createdAt) },
  };
}

function shareRecord({ id, thing, party, right, createdBy, createdAt, expiresAt }: Share): object {
  const end = expiresAt === null ? null : timeOf(expiresAt);
  return { id, thing, with: partyWords(party), right, createdBy, createdAt: timeOf(createdAt), expiresAt: end };
}

const timeOf = (ms: number): string => new Date(ms).toISOString();
