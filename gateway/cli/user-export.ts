import { type Command, required, UsageError } from './command.ts';

/** `knot user export`: all that is somebody's, before they are deleted or after. */
export const userExportCommand: Command = {
  words: ['user', 'export'],
  usage: 'NAME --to FILE.zip|-',
  summary:
    'Packs what somebody has into a zip: private files, account, teams, services, shares, names of tokens; no secrets. Of who was deleted, what is left.',
  options: { to: { type: 'string' } },
  positionals: [1, 1],
  async run(invocation) {
    const to = required(invocation, 'to');
    if (to.endsWith('/')) throw new UsageError('--to names a file, or - for standard output');
    // Other commands on people need no files.
    const { writePerson } = await import('./files/person.ts');
    await writePerson(invocation, invocation.positionals[0]!, to);
  },
};
