import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * What is made once for the tests and kept between runs: `KNOT_TEST_CACHE`, or in the user's folder for such things (XDG Base Directory
 * Specification), so that the next clone finds it.
 */
export const testCache =
  process.env['KNOT_TEST_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'knot-tests');
