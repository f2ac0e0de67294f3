import t from 'tap';
import { asSentence, problemOf } from '../../dashboard/src/lib/problem.ts';

t.test("the API's own words come first, as sentences", async (t) => {
  const body = {
    statusCode: 409,
    code: 'KNOT_ACCOUNTS_LAST_ADMIN',
    message: 'ann is the last admin',
    remedy: 'promote another',
    requestId: 'r1',
  };
  t.strictSame(problemOf(409, body), {
    status: 409,
    code: 'KNOT_ACCOUNTS_LAST_ADMIN',
    message: 'Ann is the last admin.',
    remedy: 'Promote another.',
    requestId: 'r1',
  });
});

t.test('an answer without words gets plain ones, never a number alone', async (t) => {
  for (const status of [0, 400, 403, 404, 429, 500, 502, 503, -1]) {
    for (const body of [undefined, null, '<html>', {}, { message: '' }, { message: 7 }]) {
      const problem = problemOf(status, body);
      t.match(problem.message, /^[A-Z].{15,}[.]$/, `${status} ${JSON.stringify(body)}`);
      t.equal(problem.code, 'UNKNOWN');
    }
  }
});

t.test('a sentence is not closed twice', async (t) => {
  t.equal(asSentence(' did you mean `a`? '), 'Did you mean `a`?');
  t.equal(asSentence('Wait …'), 'Wait …');
});
