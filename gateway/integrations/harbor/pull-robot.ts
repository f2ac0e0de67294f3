import { createHmac } from 'node:crypto';
import { dayMs, knotError } from '../../lib/index.ts';
import type { ToolOwner } from '../integration.ts';
import type { AskHarbor, HarborLogin } from './ask.ts';
import { everyPage } from './pages.ts';

type Robot = {
  id: number;
  name: string;
  level: string;
  duration: number;
  disable: boolean;
  description?: string;
  permissions: unknown[];
};

const v2 = '/api/v2.0';
const periodMs = 30 * dayMs;

/**
 * What the pods of an owner pull the images of their project with: robots that may do nothing else. Their secrets follow from the secret
 * that Knot and Harbor share, the project and the month, so that they need not be kept anywhere, two gateways make the same ones, and one
 * that was lost half-way is simply set again. Two robots take turns: what the last month's pods have goes on to work while they are given
 * the new one, which is there a day before. Returns what the installation puts before the names of robots, where one was seen: who signs in
 * as a system robot may not ask for it.
 */
export async function providePullRobots(
  ask: AskHarbor,
  { owner, projectId, clientSecret, now }: { owner: ToolOwner; projectId: number; clientSecret: string; now: number },
): Promise<string | undefined> {
  const present = await findRobots(ask, projectId);
  const mayPull = !owner.isPaused && owner.isGone !== true;
  if (!mayPull) {
    for (const robot of present) {
      if (!robot.disable)
        await ask('PUT', `${v2}/robots/${robot.id}`, { body: { ...bodyOf(robot), disable: true }, also: [404] });
    }
    return prefixIn(owner.name, present);
  }
  for (const robot of present) {
    if (robot.disable) await ask('PUT', `${v2}/robots/${robot.id}`, { body: { ...bodyOf(robot), disable: false } });
  }
  const kept: { name: string }[] = [...present];
  for (const period of new Set([periodOf(now), periodOf(now + dayMs)])) {
    const name = robotIn(period);
    const known = present.find((robot) => isNamed(robot, name));
    const robot = known ?? (await makeRobot(ask, name, owner.name, projectId));
    kept.push(robot);
    const login = { name: robot.name, secret: secretOf(clientSecret, owner.name, period) };
    if (await isAccepted(ask, login)) continue;
    await ask('PATCH', `${v2}/robots/${robot.id}`, { body: { secret: login.secret } });
    // One that does not work would be found out by pods that wait.
    await ask('GET', tokenPath, { as: login });
  }
  return prefixIn(owner.name, kept);
}

/**
 * The same where the settings may not be asked for, which are the administrator's: of the first project that has a robot of ours. Undefined
 * while there is none.
 */
export async function findRobotPrefix(ask: AskHarbor): Promise<string | undefined> {
  const { body } = await ask<{ name: string; project_id: number }[]>('GET', `${v2}/projects?page_size=${mostProjects}`);
  for (const { name, project_id } of body ?? []) {
    const found = prefixIn(name, await findRobots(ask, project_id));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every person has one: the first few tell. */
const mostProjects = 20;

/** The last one's: it was asked for last. */
function prefixIn(project: string, robots: readonly { name: string }[]): string | undefined {
  const name = robots.at(-1)?.name;
  const end = name?.lastIndexOf(`${project}+`) ?? -1;
  return end === -1 ? undefined : name!.slice(0, end);
}

/** What pods pull with now. `prefix` is what the installation puts before the names of robots. */
export function pullLogin(facts: { project: string; clientSecret: string; prefix: string; now: number }): HarborLogin {
  const period = periodOf(facts.now);
  const name = `${facts.prefix}${facts.project}+${robotIn(period)}`;
  return { name, secret: secretOf(facts.clientSecret, facts.project, period) };
}

/** Whether it is one of the two robots of a project, whatever stands before their names. */
export const isPullLogin = (project: string, name: string): boolean =>
  [0, 1].some((turn) => name.endsWith(`${project}+${robotIn(turn)}`));

/** The login, once Harbor takes it. @throws KNOT_INTEGRATIONS_HARBOR_NOT_READY */
export async function tried(ask: AskHarbor, login: HarborLogin): Promise<HarborLogin> {
  if (await isAccepted(ask, login)) return login;
  throw knotError('KNOT_INTEGRATIONS_HARBOR_NOT_READY', 409, 'Harbor does not know the robot that pulls for you yet.', {
    remedy: 'Try again in some minutes; if it stays, an administrator sees why on the page Health.',
  });
}

const periodOf = (now: number): number => Math.floor(now / periodMs);
const robotIn = (period: number): string => `knot-${period % 2}`;
const isNamed = (robot: Robot, name: string): boolean => robot.name.endsWith(`+${name}`);

async function makeRobot(
  ask: AskHarbor,
  name: string,
  project: string,
  projectId: number,
): Promise<{ id: number; name: string }> {
  const { status, body } = await ask<{ id: number; name: string }>('POST', `${v2}/robots`, {
    body: {
      name,
      description: 'Pulls images for pods. Knot keeps it; a change is set back.',
      level: 'project',
      duration: -1,
      permissions: [{ kind: 'project', namespace: project, access: [{ resource: 'repository', action: 'pull' }] }],
    },
    also: [409],
  });
  if (status === 201) return body;
  // Another gateway was faster.
  return (await findRobots(ask, projectId)).find((robot) => isNamed(robot, name))!;
}

/** Those of ours. The prefix before their names is the installation's own. */
async function findRobots(ask: AskHarbor, projectId: number): Promise<Robot[]> {
  const query = encodeURIComponent(`Level=project,ProjectID=${projectId}`);
  const { found } = await everyPage<Robot>(ask, `${v2}/robots?q=${query}`, ({ id }) => id);
  return found.filter((robot) => isNamed(robot, 'knot-0') || isNamed(robot, 'knot-1'));
}

const bodyOf = ({ name, level, duration, description = '', permissions }: Robot) => ({
  ...{ name, level, duration, description, permissions },
});

/** Where programs get tokens for the registry. */
export const tokenPath = '/service/token?service=harbor-registry';

async function isAccepted(ask: AskHarbor, as: HarborLogin): Promise<boolean> {
  return (await ask('GET', tokenPath, { as, also: [401, 403] })).status === 200;
}

/** Letters of both kinds and a digit, as Harbor's rule for secrets asks. */
function secretOf(clientSecret: string, project: string, period: number): string {
  const derived = createHmac('sha256', clientSecret)
    .update(`harbor pull robot\0${project}\0${period}`)
    .digest('base64url');
  return `Kn0${derived}`;
}

/** Docker's configuration file with one login: `registry` is the host, with its port where it has one. */
export function dockerConfig(registry: string, { name, secret }: HarborLogin): string {
  if (secret === '') throw new Error('a pull secret without a password');
  const auth = Buffer.from(`${name}:${secret}`).toString('base64');
  return JSON.stringify({ auths: { [registry]: { username: name, password: secret, auth } } });
}
