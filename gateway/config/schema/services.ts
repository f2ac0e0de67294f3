import { Type } from 'typebox';
import { object } from './section.ts';

/** What people launch from templates. */
export const ServicesConfig = object(
  {
    templates: Type.Array(Type.String({ minLength: 1, description: 'A folder.' }), {
      default: [],
      description: 'Folders of templates beside those that Knot ships; each folder in them is a Helm chart.',
    }),
    ownTemplates: Type.Boolean({
      default: true,
      description: 'People and teams may keep templates of their own, in `services/` of their files.',
    }),
    ownTemplatePackages: Type.Boolean({
      default: true,
      description: 'Templates of people and teams may need packages, which are installed for them.',
    }),
  },
  'Services that people and teams launch from templates.',
);
