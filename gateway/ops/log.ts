import type { FastifyBaseLogger } from 'fastify';
import pino from 'pino';
import type { Log } from '../lib/index.ts';
import { prettyLine } from './pretty.ts';
import { escapeObeyed, redactFields } from './redact.ts';

export type LogOptions = {
  /** `auto`: pretty when standard output is a terminal, JSON otherwise. */
  format: 'auto' | 'json' | 'pretty';
  level: 'debug' | 'info' | 'warn' | 'error';
  /** Where lines go; standard output by default. */
  stream?: { write(line: string): unknown; isTTY?: boolean };
};

/** Writes fields that are known to be harmless, without looking through them. */
export const writeLine = Symbol('writeLine');
export type LineWriter = Log & { [writeLine]: (level: 'info', fields: object, message: string) => void };

/** Serves as `Log` for the modules and as logger instance for Fastify. */
export type ProcessLog = Log & FastifyBaseLogger;

/** Lines kept when standard output does not take them; beyond it they are dropped, because memory is worth more. */
const mostWaitingBytes = 16 * 1024 * 1024;

/**
 * The log of the process: one line per entry, credentials masked, nothing a client sent can break or colour a line. Standard
 * output is written without waiting; what is left is written at exit.
 */
export function createLog({ format, level, stream }: LogOptions): ProcessLog {
  const target = stream ?? pino.destination({ dest: 1, sync: false, maxLength: mostWaitingBytes });
  const isTerminal = stream ? stream.isTTY === true : process.stdout.isTTY === true;
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal);
  const destination = {
    write(line: string): void {
      const safe = escapeObeyed(line);
      target.write(isPretty ? escapeObeyed(prettyLine(safe, isTerminal)) : safe);
    },
  };
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
    [writeLine](level: 'info', fields: object, message: string): void {
      if (!log.isLevelEnabled(level)) return;
      destination.write(`${JSON.stringify({ level, time: Date.now(), ...fields, msg: message })}\n`);
    },
  });
}

function asItIs(value: unknown): unknown {
  return value;
}
