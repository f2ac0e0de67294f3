/** Names a child may inherit: where programs are, language, time zone, temporary folder. Nothing that could be a secret. */
const passedOn = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'TMPDIR',
  'LD_LIBRARY_PATH',
];

/** The part of the gateway's environment every child may see. Its secrets (`*_SECRET`, database password, …) are not in it. */
export function systemEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of passedOn) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
