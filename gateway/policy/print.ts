import { printable } from '../lib/index.ts';
import type { PolicyProblem } from './status.ts';

/** One line per problem as compilers print them (`policies/default.cedar:12:5 error: …`), help indented below. */
export function formatProblems(problems: readonly PolicyProblem[], folder = 'policies'): string {
  return problems
    .map(({ file, line, column, severity, message, help }) => {
      const path = file === '' ? folder : `${folder}/${printable(file)}`;
      const place = line === 0 ? path : `${path}:${line}:${column}`;
      return `${place} ${severity}: ${oneLine(message)}${help === undefined ? '' : `\n  help: ${oneLine(help)}`}`;
    })
    .join('\n');
}

/** What a file says must not move the terminal's cursor. */
function oneLine(text: string): string {
  return printable(text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim());
}
