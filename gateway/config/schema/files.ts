import { Type } from 'typebox';
import { object } from './section.ts';

/** Files of people and teams. */
export const FilesConfig = object(
  {
    folder: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Folder of all areas (private, shared, team, admin); `files` in the data folder by default.',
      }),
    ),
    uploadMaxBytes: Type.Integer({
      default: 1024 ** 4,
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Largest file that may be uploaded. Bytes.',
    }),
    trashDays: Type.Integer({
      default: 30,
      minimum: 1,
      maximum: 3650,
      description: 'What was deleted is removed for good after so many days. Until then it counts in the quota.',
    }),
  },
  'Files of people and teams, in the browser and in notebooks.',
);
