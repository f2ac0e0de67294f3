import {
  describeBy,
  type InstallWords,
  type Problem,
  type Rule,
  saidBySystem,
  unreachable,
  withoutAddresses,
} from '../problem.ts';

/**
 * pip names the real cause in a warning or traceback somewhere in its output and often ends with a misleading line ("no matching
 * distribution found" when the index did not answer), so the rules look at everything, most telling first.
 */
const rulesFor = ({ packages, isProven, listRemedy, folderRemedy, again }: InstallWords): readonly Rule[] => [
  {
    kind: 'disk-full',
    pattern: /No space left on device|Errno 28|Disk quota exceeded|Errno 122/i,
    message: `The disk is full: ${packages} do not fit into the data folder.`,
    remedy: `Free some space, or choose another data folder with --data. ${again}`,
  },
  {
    kind: 'index-certificate',
    pattern: /CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|SSLError/i,
    message: 'The Python package index answered with a certificate that is not trusted here.',
    remedy: `Set PIP_CERT to the CA file of your network or proxy and start Knot again. ${again}`,
  },
  {
    kind: 'index',
    pattern: isProven ? new RegExp(`${unreachable.source}|from versions: none`, 'i') : unreachable,
    message: 'The Python package index cannot be reached.',
    remedy: `Check the network. Behind a proxy or with an index of your own set HTTPS_PROXY or PIP_INDEX_URL and start Knot again. ${again}`,
  },
  {
    kind: 'changed',
    pattern: /DO NOT MATCH THE HASHES|Hashes are required in --require-hashes mode/i,
    message: `A package is not the one that was chosen for ${packages}: its digest is another.`,
    remedy: `The index, or somebody between it and here, hands out something else; do not use it. ${again}`,
  },
  {
    kind: 'conflict',
    pattern: /ResolutionImpossible|conflicting dependencies/i,
    message: `The versions that are asked for cannot be installed together (${packages}).`,
    remedy: `${listRemedy} ${again}`,
  },
  {
    kind: 'does-not-fit',
    pattern: /none of the wheel's tags|No binaries permitted|not a supported wheel|Link requires a different Python/i,
    message: 'A package has no ready-made file (wheel) for this machine and its Python.',
    remedy: `${listRemedy} ${again}`,
  },
  {
    kind: 'package',
    pattern:
      /No matching distribution found|Could not find a version|Invalid requirement|HTTP error 4\d\d|40[134] (Client )?Error/i,
    message: `The Python package index does not have one of ${packages}.`,
    remedy: `${listRemedy} ${again}`,
  },
  {
    kind: 'permission',
    pattern: /Permission denied|Errno 13|Read-only file system|Errno 30/i,
    message: `The folder for ${packages} cannot be written.`,
    remedy: `${folderRemedy} ${again}`,
  },
  {
    kind: 'venv-missing',
    pattern: /ensurepip is not available|No module named '?(venv|ensurepip|pip)/i,
    message: 'The "venv" module of Python is missing or incomplete.',
    remedy: `Install it: apt install python3-venv (Debian, Ubuntu). ${again}`,
  },
];

/** Says in plain words why an installation step failed, from what Python or pip printed and how it ended. */
export function describePipProblem(
  output: readonly string[],
  reason: string | undefined,
  words: InstallWords,
): Problem {
  return describeBy(rulesFor(words), output, { reason, said: lastMeaningfulLine(output), words });
}

/** The same of an error of this process: what the system says of it, without the places on this machine. */
export const describeSystemProblem = (error: unknown, words: InstallWords): Problem =>
  describePipProblem([saidBySystem(error)], undefined, words);

/** The last line that says something: pip's `ERROR:` lines, else the last of a traceback. */
export function lastMeaningfulLine(output: readonly string[]): string | undefined {
  const isNoise = (line: string) =>
    /^\s*(\[notice\]|WARNING: Retrying|hint:|note:|at |File "|\^|~)/i.test(line) || line.trim() === '';
  const lines = output.filter((line) => !isNoise(line));
  const line = lines.findLast((candidate) => /^(ERROR|error)[: ]/.test(candidate)) ?? lines.at(-1);
  return line === undefined ? undefined : withoutAddresses(line.replace(/^(ERROR|error): /, ''));
}
