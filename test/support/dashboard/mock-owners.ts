import type { FastifyInstance } from 'fastify';
import type {
  EffectivePlan,
  FileAreaList,
  OwnerFiles,
  OwnerList,
  OwnerPlanPage,
  PersonAccess,
  PlanList,
  Sizes,
  Token,
} from '../../../gateway/api/contract.ts';
import type { MockData } from './mock-data.ts';

const plans: PlanList['plans'] = [
  { name: 'small', title: 'Small', storage: 20_000_000_000, defaultFor: ['people'], people: 25, teams: 0 },
  { name: 'large', title: 'Large', storage: null, defaultFor: [], people: 1, teams: 3 },
];
const limits = { services: 3, cpu: 4, memory: 8 * 2 ** 30 };
const held = { services: 2, cpu: 1.5, memory: 3 * 2 ** 30 };
const small: EffectivePlan = {
  plan: { name: 'small', title: 'Small', storage: 20_000_000_000, ...limits },
  source: 'default',
};
const none: EffectivePlan = { plan: null, source: 'none' };

/** What people and teams own, as the gateway would tell it: numbers that draw every picture. */
export function ownerRoutes(api: FastifyInstance, data: MockData): void {
  const now = Date.now();
  const dayMs = 86_400_000;
  const tokens: Token[] = [
    {
      id: 't-1',
      name: 'nightly backup',
      scopes: ['files:write:private'],
      hint: 'Zk3Q',
      createdAt: now - 20 * dayMs,
      expiresAt: now + 70 * dayMs,
      lastUsedAt: now - 3_600_000,
      lastUsedFrom: '192.0.2.7',
    },
  ];
  api.get('/tokens', () => ({ tokens }));
  api.get('/sizes', (): Sizes => ({ sizes: [], held, limits, accelerators: [] }));
  api.get('/areas', (): FileAreaList => ({
    areas: [
      {
        name: 'private',
        title: 'Private',
        kind: 'private',
        canList: true,
        canRead: true,
        canWrite: true,
        canManage: true,
        usage: { bytes: 19_000_000_000, reserved: 0, limit: 20_000_000_000 },
      },
    ],
    uploadMaxBytes: 1_000_000_000,
    trashDays: 30,
  }));
  api.get('/owners', (): OwnerList => {
    const { id, username, teams } = data.me.user;
    const self = { kind: 'user', id, name: username, title: username, role: 'self', plan: small } as const;
    return {
      owners: [
        { ...self, canLaunch: true, canManage: false },
        ...teams.map(({ name, role }) => {
          const team = data.teams.find((one) => one.name === name)!;
          const isManager = role === 'manager';
          const owner = { kind: 'team', id: team.id, name, title: team.title, role, plan: none } as const;
          return { ...owner, canLaunch: isManager, canManage: isManager };
        }),
      ],
    };
  });
  api.get('/plans', (): PlanList => ({ plans }));
  api.get('/plans/owners', (): OwnerPlanPage => {
    const owners: OwnerPlanPage['owners'] = data.users.slice(0, 8).map(({ id, username }, index) => ({
      kind: 'user',
      id,
      name: username,
      title: username,
      plan: small,
      bytes: 25_000_000_000 - index * 3_000_000_000,
      held: index === 0 ? { ...held, cpu: 5 } : held,
    }));
    return { owners, total: owners.length, counts: { user: owners.length, team: 0, over: 2 } };
  });
  api.get('/owners/:owner/plan', () => small);
  api.get('/owners/:owner/files', (): OwnerFiles => ({
    bytes: 3_000_000,
    reserved: 0,
    limit: 20_000_000_000,
    trashDays: 30,
  }));
  api.get('/users/:id/access', (): PersonAccess => ({
    routes: data.tiles.map(({ name, title, kind, url }, index) => ({
      name,
      title,
      kind,
      url,
      effect: index === 1 ? 'deny' : 'allow',
      reason: index === 1 ? 'no_permit' : 'permit',
      rules: index === 1 ? [] : [{ rule: 'tools-for-everyone', file: 'default.cedar', line: 5, effect: 'permit' }],
    })),
  }));
}
