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
  },
  'Log on standard output.',
);
