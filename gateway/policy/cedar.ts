import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { compileFunction } from 'node:vm';
import type * as CedarModule from '@cedar-policy/cedar-wasm/nodejs';

/** One instance of the policy engine with a memory of its own. */
export type Cedar = Pick<
  typeof CedarModule,
  | 'checkParsePolicySet'
  | 'isAuthorizedPartial'
  | 'policySetTextToParts'
  | 'policyToJson'
  | 'preparsePolicySet'
  | 'preparseSchema'
  | 'statefulIsAuthorized'
  | 'validate'
>;

const require = createRequire(import.meta.url);
let evaluate: (() => Cedar) | undefined;

/**
 * Makes a fresh instance of the engine, about 10 ms. Needed because an instance that trapped (its stack overflowed, it ran out
 * of memory) is not reliable afterwards: WebAssembly has no unwinding, so its stack pointer and its locks stay where they were
 * (WebAssembly Core 2.0, 4.2.2 "Traps"). The package makes exactly one instance when its file is evaluated, so the file is
 * evaluated anew. What it reads is kept in memory: an instance can be replaced also when the package's folder was, meanwhile.
 */
export function freshCedar(): Cedar {
  evaluate ??= prepareEvaluation();
  return evaluate();
}

function prepareEvaluation(): () => Cedar {
  const path = require.resolve('@cedar-policy/cedar-wasm/nodejs');
  const source = readFileSync(path, 'utf8');
  const read = new Map<string, Buffer>();
  const readOnce = (file: string): Buffer => {
    const bytes = read.get(file) ?? readFileSync(file);
    read.set(file, bytes);
    return bytes;
  };
  const requireForIt = (name: string): unknown => (name === 'fs' ? { readFileSync: readOnce } : require(name));
  return () => {
    const module = { exports: {} as Cedar };
    const parameters = ['exports', 'require', 'module', '__filename', '__dirname'];
    const run = compileFunction(source, parameters, { filename: path }) as (...values: unknown[]) => void;
    run(module.exports, requireForIt, module, path, dirname(path));
    return module.exports;
  };
}
