import type { Routes } from './api.ts';
import { paged } from './api.ts';
import { badRequest, forbidden, type State, unauthorized, unprocessable } from './state.ts';
import { maySystem, type Who } from './who.ts';

const hidden = ['oidc_client_secret'];

export const systemRoutes: Routes = {
  'GET /ping': () => ({ status: 200, body: 'Pong' }),
  'GET /health': () => ({
    status: 200,
    body: {
      status: 'healthy',
      components: ['core', 'database', 'redis', 'registry'].map((name) => ({ name, status: 'healthy' })),
    },
  }),
  'GET /systeminfo': ({ state, who, externalUrl }) => ({
    status: 200,
    body: {
      auth_mode: state.settings.auth_mode,
      primary_auth_mode: state.settings['primary_auth_mode'],
      self_registration: state.settings['self_registration'],
      banner_message: '',
      ...(state.settings['oidc_name'] !== '' && { oidc_provider_name: state.settings['oidc_name'] }),
      // Told to those who are signed in only.
      ...(who.kind !== 'nobody' && {
        harbor_version: 'v2.15.0-contract',
        external_url: externalUrl(),
        registry_url: externalUrl().replace(/^https?:\/\//, ''),
        project_creation_restriction: state.settings['project_creation_restriction'],
      }),
    },
  }),
  'GET /configurations': ({ state, who }) => {
    mustBeAdministrator(who);
    const shown = Object.entries(state.settings).filter(([name]) => !hidden.includes(name));
    const isFixed = (name: string): boolean => name === 'auth_mode' && hasPeople(state);
    return {
      status: 200,
      body: Object.fromEntries(shown.map(([name, value]) => [name, { value, editable: !isFixed(name) }])),
    };
  },
  'PUT /configurations': ({ state, who, body }) => {
    mustBeAdministrator(who);
    for (const [name, value] of Object.entries(body)) {
      const before = state.settings[name];
      // What it does not know it ignores.
      if (before === undefined) continue;
      if (typeof before !== typeof value) throw unprocessable(`parsing configurations body from "" failed: ${name}`);
      if (name === 'auth_mode' && value !== before && hasPeople(state)) {
        throw badRequest('the auth mode cannot be modified as new users have been inserted into database');
      }
    }
    for (const [name, value] of Object.entries(body))
      if (name in state.settings) state.settings[name] = value as string;
    return { status: 200 };
  },
  'POST /system/oidc/ping': async ({ who, body, relyingParty }) => {
    mustBeAdministrator(who);
    try {
      await relyingParty.discover(String(body['url']));
    } catch {
      throw badRequest('failed to verify connection to the OIDC endpoint');
    }
    return { status: 200 };
  },
  'GET /quotas': ({ state, who, query, path }) => {
    if (!maySystem(who, 'quota', 'list')) throw who.kind === 'nobody' ? unauthorized() : forbidden();
    const id = query.get('reference_id');
    return paged(
      { query, path },
      state.projects.filter((one) => id === null || one.id === Number(id)).map((one) => quotaOf(state, one)),
    );
  },
  'PUT /quotas/:': ({ state, who, params, body }) => {
    if (!maySystem(who, 'quota', 'update')) throw who.kind === 'nobody' ? unauthorized() : forbidden();
    // A quota has the number of its project here; there they are different.
    const project = state.projects.find(({ id }) => id + quotaOffset === Number(params[0]));
    const storage = (body['hard'] as { storage?: number } | undefined)?.storage;
    if (project === undefined) throw badRequest(`quota ${params[0]} not found`);
    if (!Number.isInteger(storage) || storage === 0 || storage! < -1)
      throw badRequest(`invalid value ${storage} for storage`);
    project.storageLimit = storage!;
    return { status: 200 };
  },
};

/** So that nobody takes the number of a project for that of its quota. */
const quotaOffset = 10_000;

const hasPeople = (state: State): boolean => state.users.some(({ id }) => id > 1);

function mustBeAdministrator(who: Who): void {
  if (who.kind === 'nobody') throw unauthorized();
  if (who.kind !== 'user' || !who.isAdmin) throw forbidden();
}

export function quotaOf(state: State, project: State['projects'][number]) {
  const used = state.artifacts.filter((one) => one.projectId === project.id).reduce((sum, { size }) => sum + size, 0);
  return {
    id: project.id + quotaOffset,
    ref: { id: project.id, name: project.name, owner_name: project.owner },
    hard: { storage: project.storageLimit },
    used: { storage: used },
    creation_time: project.createdAt,
    update_time: project.createdAt,
  };
}
