import { parseArgs, type ParseArgsConfig } from 'node:util';
import { nearest } from '../lib/index.ts';
import type { ConfigOverrides } from '../config/index.ts';
import { printable } from '../lib/index.ts';

export type Streams = { stdin: NodeJS.ReadableStream; stdout: NodeJS.WritableStream; stderr: NodeJS.WritableStream };

export type Options = Record<string, string | boolean | string[] | undefined>;

export type Invocation = { positionals: string[]; options: Options; settings: ConfigOverrides; streams: Streams };

export type Command = {
  /** `['user', 'add']` */
  words: readonly string[];
  /** What follows the words: `NAME --email E [--admin] --password-file F|-`. */
  usage: string;
  summary: string;
  options: NonNullable<ParseArgsConfig['options']>;
  /** Least and most positional arguments. */
  positionals: readonly [number, number];
  run(invocation: Invocation): Promise<void>;
};

/** Wrong usage: exit status 2, with the usage line. */
export class UsageError extends Error {}

/** Settings every command takes; the same names as the gateway's. */
export const settingOptions = {
  config: { type: 'string' },
  data: { type: 'string' },
  policies: { type: 'string' },
  listen: { type: 'string' },
  domain: { type: 'string' },
  ops: { type: 'string' },
  database: { type: 'string' },
  log: { type: 'string' },
  requests: { type: 'string' },
} as const satisfies NonNullable<ParseArgsConfig['options']>;

/**
 * Splits the arguments after the command's words.
 * @throws UsageError naming the flag that is unknown (and the nearest known one), misses its value or its argument
 */
export function parseInvocation(
  command: Pick<Command, 'options' | 'positionals'>,
  args: string[],
  streams: Streams,
): Invocation {
  const options = { ...command.options, ...settingOptions };
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(describeParseError(error as Error & { code?: string }, Object.keys(options)));
  }
  const [least, most] = command.positionals;
  if (parsed.positionals.length < least) throw new UsageError('an argument is missing');
  if (parsed.positionals.length > most) throw new UsageError(`unexpected argument "${parsed.positionals[most]}"`);
  const values = parsed.values as Options;
  const settings: Record<string, string> = {};
  for (const key of Object.keys(settingOptions)) if (typeof values[key] === 'string') settings[key] = values[key];
  return { positionals: parsed.positionals, options: values, settings, streams };
}

function describeParseError(error: Error & { code?: string }, known: string[]): string {
  const flag = /'(-{1,2}[^' =]+)/.exec(error.message)?.[1];
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && flag) {
    const close = nearest(flag.replace(/^-+/, ''), known);
    return `unknown flag ${flag}${close ? `; did you mean --${close}?` : ''}`;
  }
  return error.message.split('. ')[0]!;
}

/** A required string option. */
export function required(invocation: Invocation, name: string): string {
  const value = invocation.options[name];
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} is missing`);
  return value;
}

/** Plain columns for people; `--json` is for programs. */
export function table(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
