/**
 * tokens: secrets with which a person's programs speak for them.
 * Owns: personal access tokens: their form, scopes, end, last use, and finding one by its secret.
 * Does not own: who the person is (accounts), which route needs which scope (api).
 * Mounts: nothing.
 */
export { createGuesses, type Guesses } from './guesses.ts';
export { parseScope, type Scope, scopeAllows, scopeSubjects, scopeWords } from './scopes.ts';
export { holdsToken, isTokenForm, tokenPrefix } from './secret.ts';
export { createTokens, type NewToken, type Token, type Tokens } from './service.ts';
