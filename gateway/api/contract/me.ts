import { type Static, Type } from 'typebox';
import { closed, oneOf, TeamRoleSchema, TimeSchema } from './common.ts';

export const MeSchema = closed({
  user: closed({
    id: Type.String(),
    username: Type.String(),
    email: Type.String(),
    isAdmin: Type.Boolean(),
    teams: Type.Array(closed({ name: Type.String(), role: TeamRoleSchema })),
    groups: Type.Array(Type.String()),
  }),
  session: closed({ id: Type.String(), startedAt: TimeSchema, expiresAt: TimeSchema }),
  domain: Type.String(),
  hasCluster: Type.Boolean({ description: 'Whether services run in a cluster.' }),
  offers: Type.Array(oneOf('workflows', 'images', 'metrics'), {
    description: 'Pages of Knot about tools that this installation has.',
  }),
  canAdminister: Type.Boolean({ description: 'Whether the policies let this person use the admin pages.' }),
  minimumPasswordLength: Type.Integer({ description: 'In characters; said where a password is chosen.' }),
  version: Type.String({ description: 'Version of the gateway.' }),
});
export type Me = Static<typeof MeSchema>;

export const PreparationStepSchema = closed({
  title: Type.String(),
  state: oneOf('done', 'working', 'waiting', 'failed'),
  startedAt: Type.Optional(TimeSchema),
  endedAt: Type.Optional(TimeSchema),
});
export type PreparationStep = Static<typeof PreparationStepSchema>;

export const TileStatusSchema = closed({
  status: oneOf('ready', 'preparing', 'failed', 'off', 'unreachable', 'unwatched', 'unknown'),
  message: Type.String(),
  remedy: Type.Optional(Type.String()),
  progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  step: Type.Optional(Type.String()),
  stepStartedAt: Type.Optional(TimeSchema),
  steps: Type.Optional(Type.Array(PreparationStepSchema)),
});

export const TileSchema = closed({
  name: Type.String(),
  title: Type.String(),
  url: Type.String(),
  kind: oneOf('integration', 'app'),
  status: TileStatusSchema,
  isRunning: Type.Optional(
    Type.Boolean({ description: 'Whether something of this person runs in it; absent where Knot does not know.' }),
  ),
  keepsTeams: Type.Optional(
    Type.Array(Type.String(), {
      description: 'Teams this person left whose folders what runs still has, until it is stopped.',
    }),
  ),
  isStopping: Type.Optional(Type.Boolean({ description: 'Whether it was told to stop and has not yet ended.' })),
  canStop: Type.Optional(Type.Boolean({ description: 'Whether this person may have Knot stop what is theirs in it.' })),
});
export type Tile = Static<typeof TileSchema>;

export const TilesSchema = closed({ tiles: Type.Array(TileSchema) });
export type Tiles = Static<typeof TilesSchema>;

export const TileStoppedSchema = closed({
  isRunning: Type.Boolean({
    description: 'Whether something of this person runs in it, as by another start meanwhile.',
  }),
});
export type TileStopped = Static<typeof TileStoppedSchema>;
