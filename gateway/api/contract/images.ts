import { type Static, Type } from 'typebox';
import { closed, oneOf, TimeSchema } from './common.ts';

export const ImageQuerySchema = closed({
  owner: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 30,
      description: 'Whose: a person or team that one may see; oneself and one’s teams when it is left out.',
    }),
  ),
});

/** Images of one name, as the registry of Harbor has them. */
export const ImageSchema = closed({
  owner: closed({ kind: oneOf('user', 'team'), name: Type.String() }),
  name: Type.String({ description: 'With the project before it: ada/app.' }),
  kind: oneOf('image', 'chart', 'other'),
  tags: Type.Array(Type.String(), { description: 'Of the newest ones, newest first; twenty at most.' }),
  versions: Type.Integer({ description: 'How many there are, with and without a tag.' }),
  size: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Bytes of the newest one; null where Harbor was not asked for it, because there are too many.',
  }),
  pushedAt: Type.Union([TimeSchema, Type.Null()]),
  pull: Type.String({ description: 'Command that fetches the newest one: docker pull or helm pull.' }),
  url: Type.String({ description: 'The page of its project in Harbor.' }),
});
export type Image = Static<typeof ImageSchema>;

export const ImageListSchema = closed({
  registry: Type.String({
    description: 'Host, with its port where it has one, for docker login and the names of images.',
  }),
  images: Type.Array(ImageSchema, { description: 'Last pushed first; a hundred for each owner at most.' }),
  isWhole: Type.Boolean({ description: 'False when there are more than are listed.' }),
  usage: Type.Array(
    closed({
      owner: closed({ kind: oneOf('user', 'team'), name: Type.String() }),
      used: Type.Integer({ description: 'Bytes.' }),
      limit: Type.Union([Type.Integer(), Type.Null()], { description: 'Bytes; null without a bound.' }),
    }),
    { description: 'How much of their room in the registry they use.' },
  ),
});
export type ImageList = Static<typeof ImageListSchema>;

export const CliSecretRequestSchema = closed({
  rotate: Type.Optional(Type.Boolean({ description: 'Makes another one; the one of before ends at once.' })),
});

export const CliSecretSchema = closed(
  {
    registry: Type.String(),
    username: Type.String(),
    secret: Type.String(),
    login: Type.String({ description: 'Command to sign in with; it asks for the secret.' }),
  },
  'What programs such as docker, podman, skopeo and helm sign in to the registry with.',
);
export const DockerLoginSchema = closed(
  {
    registry: Type.String(),
    path: Type.String({ description: 'Of the configuration file of docker among my files.' }),
    state: oneOf('absent', 'written', 'other'),
  },
  'Whether my programs fetch my images without signing in: `other` is a login that I made there myself.',
);
export type DockerLogin = Static<typeof DockerLoginSchema>;

export type CliSecret = Static<typeof CliSecretSchema>;
