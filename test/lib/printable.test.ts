import t from 'tap';
import { printable } from '../../gateway/lib/index.ts';

t.test('nothing of a text moves the cursor, begins a line or turns the direction', (t) => {
  for (const [text, shown] of [
    ['/user/ann/lab?x=1', '/user/ann/lab?x=1'],
    ['/fürs 日本 🚀', '/fürs 日本 🚀'],
    ['/\r\nALLOW  bob', '/\\u000d\\u000aALLOW  bob'],
    ['/\u001b[31m', '/\\u001b[31m'],
    ['/\u009b2J', '/\\u009b2J'],
    ['/\u202egnp.exe', '/\\u202egnp.exe'],
    ['/\u2028next', '/\\u2028next'],
    ['/\u{e0041}', '/\\u{e0041}'],
    ['/\ud800', '/\\ud800'],
  ] as const) {
    t.equal(printable(text), shown);
  }
  t.end();
});
