import type { FastifyBaseLogger } from 'fastify';
import pino from 'pino';
import type { Log } from '../lib/index.ts';
import { createLineOutput, type LineOutput } from './line-output.ts';
import { prettyLine } from './pretty.ts';
import { escapeObeyed, redactFields } from './redact.ts';

export type LogOptions = {
  /** `auto`: pretty when standard output is a terminal, JSON otherwise. */
  format: 'auto' | 'json' | 'pretty';
  level: 'debug' | 'info' | 'warn' | 'error';
  /** Where lines go; standard output by default. */
  stream?: { write(line: string): unknown; isTTY?: boolean };
};

/** Writes a finished JSON line, for whoever makes harmless ones faster than pino and `redactFields` can. */
export const writeLine = Symbol('writeLine');
export type LineWriter = Log & {
  /** The line ends with a line feed, and nothing in it has to be escaped any more. It may wait for others. */
  [writeLine]: (level: 'info', line: string) => void;
};

/** Serves as `Log` for the modules and as logger instance for Fastify. */
export type ProcessLog = Log & FastifyBaseLogger;

/** Whether a person reads the log as it is written: pretty lines on a terminal. */
export function isForTerminal({ format }: Pick<LogOptions, 'format'>): boolean {
  return format !== 'json' && process.stdout.isTTY === true;
}

/**
 * The log of the process: one line per entry, credentials masked, nothing a client sent can break or colour a line. Standard
 * output is written without blocking; what is left is written at exit.
 */
export function createLog({ format, level, stream }: LogOptions): ProcessLog {
  const isTerminal = stream ? stream.isTTY === true : process.stdout.isTTY === true;
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal);
  const output = stream ?? standardOutput(isTerminal);
  const shown = (safe: string): string => (isPretty ? escapeObeyed(prettyLine(safe, isTerminal)) : safe);
  const destination = { write: (line: string) => void output.write(shown(escapeObeyed(line))) };
  const writeSoon = 'writeSoon' in output ? output.writeSoon : destination.write;
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":${Date.now()}`,
      formatters: {
        level: (name) => ({ level: name }),
        log: (fields) => redactFields(fields),
      },
      // All is plain by then; pino's own reading of errors and Fastify's of requests would only undo it.
      serializers: { req: asItIs, res: asItIs, err: asItIs },
    },
    destination,
  );
  // pino applies no formatter to the bindings of a child; children inherit this method from their parent.
  const makeChild = log.child;
  log.child = function child(this: typeof log, bindings, options) {
    return makeChild.call(this, redactFields(bindings), options);
  } as typeof log.child;
  return Object.assign(log, {
    [writeLine](level: 'info', line: string): void {
      if (log.isLevelEnabled(level)) writeSoon(shown(line));
    },
  });
}

let standard: LineOutput | undefined;

/** One for the process, because two would not keep the order of lines. */
function standardOutput(isTerminal: boolean): LineOutput {
  if (standard === undefined) {
    standard = createLineOutput(1, { isImmediate: isTerminal });
    process.on('exit', standard.flush);
  }
  return standard;
}

function asItIs(value: unknown): unknown {
  return value;
}
