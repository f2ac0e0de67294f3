import { type Static, Type } from 'typebox';
import { closed, oneOf } from './common.ts';

export const ClusterAccessSchema = closed({
  server: Type.Optional(
    Type.String({
      description:
        'Address of the API server for kubectl and Helm, with a personal token; absent where Knot cannot lead there.',
    }),
  ),
  namespaces: Type.Array(
    closed({
      name: Type.String({ description: 'Of the namespace.' }),
      owner: closed({ kind: oneOf('user', 'team'), name: Type.String() }),
    }),
    { description: 'That of the person first, then those of their teams.' },
  ),
});
export type ClusterAccess = Static<typeof ClusterAccessSchema>;
