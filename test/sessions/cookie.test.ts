import fc from 'fast-check';
import t from 'tap';
import { readSessionCookie, writeSessionCookie } from '../../gateway/sessions/cookie.ts';
import { describeDevice } from '../../gateway/sessions/device.ts';
import { anyCharacter } from '../support/any-character.ts';

const secret = 'A'.repeat(42) + '_';
const other = 'B'.repeat(43);

t.test('the cookie is found wherever it stands among others', async (t) => {
  for (const header of [
    `__Host-knot=${secret}`,
    `a=1; __Host-knot=${secret}`,
    `a=1;__Host-knot=${secret};b=2`,
    `__Host-knot-handoff=${other}; __Host-knot=${secret}`,
    `__Host-knot=${secret}; __Host-knot-handoff=${other}`,
    `=nameless; __Host-knot=${secret}; odd`,
  ]) {
    t.equal(readSessionCookie(header), secret, header);
  }
});

t.test('a tossed, doubled, quoted or prefixed cookie is no session (C1)', async (t) => {
  for (const header of [
    undefined,
    '',
    'a=1',
    `__Host-knot=${secret}; __Host-knot=${other}`,
    `__Host-knot=${secret}; __Host-knot=${secret}`,
    `__Host-knot=${secret}; a=1; __Host-knot=`,
    `__Host-knot=; __Host-knot=${secret}`,
    `\u2000__Host-knot=${secret}`,
    `\xe2\x80\x80__Host-knot=${secret}`,
    `__Host-knot=${secret}; \u2000__Host-knot=${other}`,
    `__Host-knot=${secret}; \xa0__Host-knot=${other}`,
    `$Version=1,__Host-knot=${secret}`,
    `$Version=1; __Host-knot=${secret}`,
    `a=1,__Host-knot=${secret}`,
    `"__Host-knot"=${secret}`,
    `__Host-knot="${secret}"`,
    `=__Host-knot=${secret}`,
    `a=__Host-knot=${secret}`,
    `__Host-knot=${secret}; =__Host-knot=${other}`,
    `__Host-knot=${secret}; x="__Host-knot"`,
    `__Host-knot =${secret}`,
    `__Host-knot=${secret}; __Host-knot =${other}`,
    `__Host-knot= ${secret}`,
    `__Host-knot=${secret} ; a=1`,
    `__Host-knot=${secret},a=1`,
    `__Host-knot=${secret}x`,
    `__Host-knot=${secret.slice(1)}`,
    `__Host-knot=${secret.slice(1)}%`,
    `__Host-knot=${secret}\u0000`,
    `__host-knot=${secret}`,
    `__HOST-KNOT=${secret}`,
    `__Secure-knot=${secret}`,
    `\t__Host-knot=${secret}`,
    `__Host-knot`,
    `__Host-knot;`,
    `__Host-knot\t=${secret}`,
    `x__Host-knot=${secret}`,
    `__Host-knotx=${secret}`,
  ]) {
    t.equal(readSessionCookie(header), undefined, JSON.stringify(header));
  }
});

t.test('for any header, what is read stands there once as a pair of its own', async () => {
  const part = fc.oneof(
    fc.constantFrom(
      '__Host-knot',
      `__Host-knot=${secret}`,
      ` __Host-knot=${other}`,
      '=',
      ';',
      ' ',
      '"',
      ',',
      '$Version=1',
      '-handoff',
    ),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const header = parts.join('');
      const value = readSessionCookie(header);
      if (value === undefined) return true;
      const pairs = header.split(';').map((pair) => pair.replace(/^ +/, ''));
      const mentions = header.split(/__Host-knot(?![A-Za-z0-9_.-])/).length - 1;
      return pairs.filter((pair) => pair === `__Host-knot=${value}`).length === 1 && mentions === 1;
    }),
    { numRuns: 2000 },
  );
});

t.test('the cookie carries every attribute its prefix demands and no other', async (t) => {
  t.equal(
    writeSessionCookie(secret, 59.9),
    `__Host-knot=${secret}; Path=/; Max-Age=59; Secure; HttpOnly; SameSite=Lax`,
  );
  t.equal(writeSessionCookie('', -5), '__Host-knot=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax');
});

t.test('a device is named as a person would name it', async (t) => {
  const chrome = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0';
  for (const [userAgent, device] of [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36`, 'Chrome on Windows'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36 Edg/142.0.0.0`, 'Edge on Windows'],
    [`Mozilla/5.0 (Linux; Android 16; Pixel 10) ${chrome} Mobile Safari/537.36`, 'Chrome on Android'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Safari/604.1',
      'Safari on iPhone',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15',
      'Safari on macOS',
    ],
    ['curl/8.14.1', 'curl'],
    ['python-requests/2.33', 'Python'],
    ['SomeTool/1.0 (+https://example.org)', 'SomeTool'],
    ['Firefox on Linux', 'Firefox on Linux'],
    ['', 'Unknown device'],
    [undefined, 'Unknown device'],
    ['\u202eevil\r\n', 'evil'],
    [`${'x'.repeat(5000)}/1`, 'x'.repeat(60)],
  ] as const) {
    t.equal(describeDevice(userAgent), device, String(userAgent).slice(0, 60));
  }
});

t.test('whatever a client sends, a device is short, printable and never empty', async () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 600 }), (userAgent) => {
      return /^[\x20-\x7e]{1,60}$/.test(describeDevice(userAgent));
    }),
  );
});
