import { describeBy, type InstallWords, type Problem, type Rule, unreachable, withoutAddresses } from '../problem.ts';

/** Codes of npm and of the system below it; npm prints `npm error code E404` first and what it means after that. */
const rulesFor = ({ packages, listRemedy, folderRemedy, again }: InstallWords): readonly Rule[] => [
  {
    kind: 'disk-full',
    pattern: /ENOSPC|EDQUOT/,
    message: `The disk is full: ${packages} do not fit into the data folder.`,
    remedy: `Free some space, or choose another data folder with --data. ${again}`,
  },
  {
    kind: 'index-certificate',
    pattern: /SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|CERT_(?:HAS_EXPIRED|UNTRUSTED)|ERR_TLS_CERT/,
    message: 'The npm registry answered with a certificate that is not trusted here.',
    remedy: `Name the CA file of your network or proxy as cafile in npmrc and start Knot again. ${again}`,
  },
  {
    kind: 'changed',
    pattern: /\bEINTEGRITY\b/,
    message: `A package is not the one that was chosen for ${packages}: its digest is another.`,
    remedy: `The registry, or somebody between it and here, hands out something else; do not use it. ${again}`,
  },
  {
    kind: 'conflict',
    pattern: /\bEUSAGE\b|\bERESOLVE\b/,
    message: `The list of ${packages} is not whole: what is asked for is not all in it.`,
    remedy: `${listRemedy} ${again}`,
  },
  {
    kind: 'does-not-fit',
    pattern: /\bEBADPLATFORM\b/,
    message: 'A package is not made for this machine.',
    remedy: `${listRemedy} ${again}`,
  },
  {
    kind: 'package',
    pattern: /\bE40[134]\b|\bETARGET\b|\bENOVERSIONS\b/,
    message: `The npm registry does not have, or does not give out, one of ${packages}.`,
    remedy: `${listRemedy} A registry of your own is named in npmrc. ${again}`,
  },
  {
    kind: 'index',
    pattern: unreachable,
    message: 'The npm registry cannot be reached.',
    remedy: `Check the network. Behind a proxy or with a registry of your own set HTTPS_PROXY or registry in npmrc and start Knot again. ${again}`,
  },
  {
    kind: 'permission',
    pattern: /\bE(?:ACCES|PERM|ROFS)\b/,
    message: `The folder for ${packages} cannot be written.`,
    remedy: `${folderRemedy} ${again}`,
  },
];

/** Says in plain words why npm failed, from what it printed and how it ended. */
export function describeNpmProblem(
  output: readonly string[],
  reason: string | undefined,
  words: InstallWords,
): Problem {
  const said = output.flatMap(
    (line) => /^npm (?:error|ERR!) (?:\d{3} |code |errno |syscall )?(.+)$/.exec(line)?.[1] ?? [],
  );
  const isTelling = (line: string): boolean => / /.test(line.trim()) && !line.startsWith('A complete log');
  const telling = said.find((line) => /^(Missing|Invalid):/.test(line)) ?? said.find(isTelling) ?? output.at(-1);
  return describeBy(rulesFor(words), output, {
    reason,
    said: telling === undefined ? undefined : withoutAddresses(telling.trim()),
    words,
  });
}
