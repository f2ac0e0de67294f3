import { Type } from 'typebox';
import { object } from './section.ts';

export const LogConfig = object(
  {
    format: Type.Union([Type.Literal('auto'), Type.Literal('json'), Type.Literal('pretty')], {
      default: 'auto',
      description: '`auto`: pretty in a terminal, JSON otherwise.',
    }),
    level: Type.Union([Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')], {
      default: 'info',
      description: 'Least important level that is written.',
    }),
    requests: Type.Union([Type.Literal('auto'), Type.Literal('all'), Type.Literal('none')], {
      default: 'auto',
      description:
        'A line for each request. `auto`: where programs read the log, but not in a terminal, where they would push everything else out of sight.',
    }),
  },
  'Log on standard output.',
);
