import type { Cause } from '../service.ts';

type Row = { code: string; matches: RegExp; what(found: RegExpExecArray): string; remedy: string };

/** Words of the API server that refuse something, as they stand in answers, events and conditions. */
const rows: readonly Row[] = [
  {
    code: 'quota',
    matches: /exceeded quota: [^,]*, requested: ([^,]+(?:,[a-z./]+=[^,]+)*), used: ([^;"]*?), limited: ([^;"\n]*)/,
    what: ([, requested, , limited]) =>
      `The plan of its owner has no room for it: it asks for ${plain(requested!)}, of ${plain(limited!)} in all.`,
    remedy: 'Stop something that runs, choose a smaller size, or ask an administrator for a larger plan.',
  },
  {
    code: 'quota',
    matches: /exceeded quota/,
    what: () => 'The plan of its owner has no room for it.',
    remedy: 'Stop something that runs, choose a smaller size, or ask an administrator for a larger plan.',
  },
  {
    code: 'pod-security',
    matches: /violates PodSecurity "(restricted|baseline)[^"]*": (.{1,400})/,
    what: ([, level, why]) =>
      `It asks for more than pods may here (Pod Security ${level}): ${why!.split(/ \(|\n|"$/)[0]!.trim()}.`,
    remedy: 'Whoever keeps the template can let it do without; an administrator decides what pods may.',
  },
  {
    code: 'policy',
    matches: /ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request: ([^\n]{1,300})/,
    what: ([, why]) => `A rule of the platform refuses it: ${sentence(why!)}`,
    remedy: 'Whoever keeps the template can change that.',
  },
  {
    code: 'policy',
    matches: /admission webhook "[^"]*" denied the request: ([^\n]{1,300})/,
    what: ([, why]) => `A rule of the platform refuses it: ${sentence(why!)}`,
    remedy: 'Whoever keeps the template can change that.',
  },
  {
    code: 'limit-range',
    matches: /(maximum|minimum) (cpu|memory|storage) usage per (?:Container|Pod|PersistentVolumeClaim) is ([^,\s]+)/,
    what: ([, which, of, amount]) =>
      `It asks for ${which === 'maximum' ? 'more' : 'less'} ${words[of!]} than a program may: ${which === 'maximum' ? 'at most' : 'at least'} ${plain(amount!)}.`,
    remedy: 'Choose another size.',
  },
  {
    code: 'no-namespace',
    matches: /namespaces "[^"]*" not found|because it is being terminated/,
    what: () => 'There is no place for its owner in the cluster yet.',
    remedy: 'It is made by itself; try again in a minute. If that does not help, ask an administrator.',
  },
  {
    code: 'forbidden',
    matches: /cannot (create|get|list|patch|update|delete) resource "([a-z]{1,60})"/,
    what: ([, , resource]) => `Its owner may not have ${resource} in the cluster.`,
    remedy: 'Whoever keeps the template can do without; an administrator decides what people may.',
  },
  {
    code: 'webhook',
    matches: /failed calling webhook[^]*x509: /,
    what: () =>
      'The cluster does not believe whom it asks before it makes something: a certificate is over, or a clock is wrong.',
    remedy:
      'It goes on by itself when an administrator has seen to that; the page of health says what Knot knows of it.',
  },
  {
    code: 'webhook',
    matches: /failed calling webhook/,
    what: () => 'What the cluster asks before it makes something does not answer.',
    remedy: 'Try again in a minute; if that does not help, ask an administrator.',
  },
  {
    code: 'full',
    matches: /etcdserver: (?:mvcc: database space exceeded|no space)/,
    what: () => 'The database of the cluster is full: nothing new can be made there.',
    remedy: 'An administrator makes room in it; then start it again.',
  },
];

/** Whether that is over by itself, so that whoever waits for it need do nothing. */
export const passes = ({ code }: Cause): boolean => code === 'webhook' || code === 'full';

const words: Record<string, string> = { cpu: 'processors', memory: 'memory', storage: 'storage' };

/** Why the API server refuses something, in plain words; undefined when it is none of these. */
export function sayRefusal(text: string): Cause | undefined {
  for (const { code, matches, what, remedy } of rows) {
    const found = matches.exec(text);
    if (found !== null) return { code, what: what(found), remedy };
  }
  return undefined;
}

/** `requests.cpu=2,requests.memory=1Gi`: 2 processors, 1 GiB of memory. */
function plain(list: string): string {
  return list
    .split(',')
    .map((each) => {
      const [name = '', amount] = each.trim().split('=');
      if (amount === undefined) return unit(name);
      const of = /^(?:requests|limits)\.(.*)$/.exec(name)?.[1] ?? name;
      if (of === 'cpu') return amount === '1' ? '1 processor' : `${unit(amount)} processors`;
      return `${unit(amount)} ${words[of] === undefined ? of : `of ${words[of]}`}`;
    })
    .join(', ');
}

const unit = (amount: string): string => amount.replace(/^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti)$/, '$1 $2B');

const sentence = (text: string): string => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);
