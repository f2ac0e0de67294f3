import { close as closeDescriptor } from 'node:fs';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { Accounts } from '../accounts/index.ts';
import type { DockerLogin, DockerLogins } from '../api/index.ts';
import type { Audit } from '../audit/index.ts';
import { readWhole } from '../catalogue/index.ts';
import { areaOfKey, type DiskArea, type Files, isTaken, nameOf, type Path } from '../files/index.ts';
import type { Registry } from '../integrations/index.ts';
import { createKeyedQueue, isJsonObject, type JsonObject, KnotError, knotError, type Log } from '../lib/index.ts';

const close = promisify(closeDescriptor);

const folder: Path = [nameOf('.docker')];
const file: Path = [...folder, nameOf('config.json')];
const shown = '/files/private/.docker/config.json';
const mostBytes = 256 * 1024;
/** Somebody may write to it between a look and a write. */
const mostTries = 3;
/** What a robot had before goes on for a month, so that an hour is early enough. */
const hourMs = 3600 * 1000;

type Kept = { content: JsonObject; etag?: string };

/**
 * Keeps the login of a person's pull robot in docker's configuration file among their files, where they asked for it: the file itself
 * says that they did. All else in it stays as it is; a login that somebody made there themselves is never replaced. Those written
 * before are renewed with the robot.
 */
export function createDockerLogins(parts: {
  files: Pick<Files, 'open' | 'put' | 'makeFolder' | 'usages'>;
  registry: Pick<Registry, 'host' | 'pullLoginOf' | 'isPullLogin'>;
  accounts: Pick<Accounts, 'principal'>;
  audit: Pick<Audit, 'append'>;
  /** Instead of every hour. */
  resyncMs?: number;
  log: Log;
}): DockerLogins & {
  start(): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  close(): Promise<void>;
} {
  const { files, registry, accounts, audit, resyncMs = hourMs, log } = parts;
  let isAtWork = false;
  let listing = Promise.resolve();
  const queue = createKeyedQueue({
    work: renew,
    ...{ log, atOnce: 2, complaint: 'a login of docker could not be renewed' },
    pauses: { firstMs: 60_000, mostMs: resyncMs },
    resync: { ms: resyncMs, keys: everybody },
  });

  async function everybody(): Promise<string[]> {
    if (!isAtWork) return [];
    const areas = [...(await files.usages()).keys()].map((key) => /^private\/(.+)$/.exec(key)?.[1]);
    return areas.filter((id) => id !== undefined);
  }

  async function renew(id: string): Promise<void> {
    const person = isAtWork ? await accounts.principal(id) : undefined;
    if (person?.state !== 'active') return;
    const { username } = person;
    // What cannot be read is not what was written.
    const found = await read(areaOf(id)).catch(() => undefined);
    if (found === undefined || stateOf(found, username) !== 'written') return;
    if (!(await write({ id, username }))) return;
    const entry = {
      action: 'images.login.renewed',
      actor: 'system',
      subject: `user:${username}`,
      outcome: 'done',
    } as const;
    await audit.append(entry);
  }

  function stateOf({ content }: Kept, username: string): DockerLogin['state'] {
    const name = nameIn(authsOf(content)[registry.host]);
    if (name === undefined) return 'absent';
    return registry.isPullLogin(username, name) ? 'written' : 'other';
  }

  const told = (state: DockerLogin['state']): DockerLogin => ({ registry: registry.host, path: shown, state });

  async function read(area: DiskArea): Promise<Kept> {
    let opened;
    try {
      opened = files.open(area, file);
    } catch (error) {
      if (error instanceof KnotError && error.code === 'KNOT_FILES_NOT_FOUND') return { content: {} };
      throw error;
    }
    const { entry, descriptor } = opened;
    const found = await readWhole(descriptor, entry.size, mostBytes).finally(() => close(descriptor));
    const content = 'bytes' in found ? parsed(found.bytes) : undefined;
    if (content === undefined) throw unreadable();
    return { content, etag: entry.etag };
  }

  /** Reads, changes and writes; once more when somebody else wrote meanwhile. False when it is as wanted already. */
  async function change(id: string, wanted: (kept: Kept) => JsonObject | undefined): Promise<boolean> {
    const area = areaOf(id);
    for (let tries = 1; ; tries += 1) {
      const kept = await read(area);
      const content = wanted(kept);
      if (content === undefined) return false;
      try {
        if (kept.etag === undefined) makeFolder(area);
        // As docker writes it.
        await files.put(area, file, Readable.from([Buffer.from(`${JSON.stringify(content, null, '\t')}\n`)]), {
          ...(kept.etag === undefined ? { isNew: true } : { ifMatch: [kept.etag] }),
          isSecret: true,
        });
        return true;
      } catch (error) {
        const isMeanwhile = isTaken(error) || (error instanceof KnotError && error.code === 'KNOT_FILES_CHANGED');
        if (!isMeanwhile || tries === mostTries) throw error;
      }
    }
  }

  function makeFolder(area: DiskArea): void {
    try {
      files.makeFolder(area, folder);
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }

  /** Whether anything was written. */
  async function write({ id, username }: { id: string; username: string }): Promise<boolean> {
    const { name, secret } = await registry.pullLoginOf(username);
    const auth = Buffer.from(`${name}:${secret}`).toString('base64');
    return await change(id, (kept) => {
      if (stateOf(kept, username) === 'other') throw taken(registry.host);
      const auths = authsOf(kept.content);
      const before = auths[registry.host];
      if (isJsonObject(before) && before['auth'] === auth) return undefined;
      return { ...kept.content, auths: { ...auths, [registry.host]: { auth } } };
    });
  }

  return {
    look: async ({ id, username }) => told(stateOf(await read(areaOf(id)), username)),
    async write(person) {
      await write(person);
      return told('written');
    },
    async remove({ id, username }) {
      let state: DockerLogin['state'] = 'absent';
      await change(id, (kept) => {
        state = stateOf(kept, username);
        if (state !== 'written') return undefined;
        state = 'absent';
        const { [registry.host]: _login, ...auths } = authsOf(kept.content);
        return { ...kept.content, auths };
      });
      return told(state);
    },
    start() {
      isAtWork = true;
      listing = everybody().then(
        (ids) => ids.forEach(queue.add),
        (error: unknown) => log.error({ err: error }, 'files with a login of docker could not be listed'),
      );
    },
    idle: () => listing.then(queue.idle),
    close: () => queue.stop(),
  };
}

const areaOf = (id: string): DiskArea => areaOfKey(`private/${id}`)!;

/** Of docker's file (docker, "docker login"). */
const authsOf = ({ auths }: JsonObject): JsonObject => (isJsonObject(auths) ? auths : {});

/** Whose login it is: `auth` is the name and the password, as in the field that signs in (RFC 7617). */
function nameIn(login: unknown): string | undefined {
  if (login === undefined) return undefined;
  const { auth, username } = isJsonObject(login) ? login : {};
  if (typeof auth !== 'string') return typeof username === 'string' ? username : '';
  const text = Buffer.from(auth, 'base64').toString();
  return text.slice(0, Math.max(0, text.indexOf(':')));
}

function parsed(bytes: Buffer): JsonObject | undefined {
  try {
    const content: unknown = JSON.parse(bytes.toString());
    const isSound = isJsonObject(content) && (content['auths'] === undefined || isJsonObject(content['auths']));
    return isSound ? content : undefined;
  } catch {
    return undefined;
  }
}

const unreadable = () =>
  knotError('KNOT_APP_DOCKER_CONFIG', 409, `${shown} is there and is no configuration of docker.`, {
    remedy: 'Put it right or move it away, then try again.',
  });

const taken = (host: string) =>
  knotError('KNOT_APP_DOCKER_LOGIN_TAKEN', 409, `${shown} has a login of your own for ${host}.`, {
    remedy: `It is not replaced: \`docker logout ${host}\` takes it out.`,
  });
