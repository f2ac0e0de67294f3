import t from 'tap';
import { createMail } from '../../gateway/mail/index.ts';
import { type KnotError, type Log, silentLog } from '../../gateway/lib/index.ts';
import { requiresEncryption } from '../../gateway/mail/service.ts';
import { type SmtpBehaviour, startSmtpServer } from './smtp-server.ts';

const message = { to: 'ann@example.org', subject: 'Grüße von Knot', text: 'Your link:\n\n.dot\nhttps://localhost/x' };
const password = 'swordfish-9-harbour';

const mailTo = (
  port: number,
  settings: { user?: string; scheme?: string; password?: string } = {},
  log: Log = silentLog,
) =>
  createMail({
    settings: {
      server: `${settings.scheme ?? 'smtp'}://${settings.user ? `${settings.user}@` : ''}127.0.0.1:${port}`,
      from: 'Knot <knot@example.org>',
      ...(settings.password === undefined ? {} : { password: settings.password }),
    },
    log,
    timeoutMs: 400,
  });

t.test('without configuration nothing is sent, and it says so', async (t) => {
  const mail = createMail({ settings: undefined, log: silentLog });
  t.equal(mail.isConfigured, false);
  await t.rejects(mail.send(message), { code: 'KNOT_MAIL_FAILED' });
});

t.test('a message arrives whole', async (t) => {
  const server = await startSmtpServer(t);
  const mail = mailTo(server.port);
  t.equal(mail.isConfigured, true);
  await mail.send(message);
  await mail.send({ ...message, to: 'ben@example.org' });
  t.strictSame(
    server.mails.map(({ from, to }) => ({ from, to })),
    [
      { from: 'knot@example.org', to: ['ann@example.org'] },
      { from: 'knot@example.org', to: ['ben@example.org'] },
    ],
  );
  const data = server.mails[0]!.data;
  t.match(data, /^From: Knot <knot@example\.org>\r$/m);
  t.match(data, /^To: ann@example\.org\r$/m);
  t.match(data, /^Subject: =\?UTF-8\?Q\?Gr=C3=BC=C3=9Fe_von_Knot\?=\r$/m);
  t.match(data, /\r\n\r\nYour link:\r\n\r\n\.dot\r\nhttps:\/\/localhost\/x\r\n$/);
});

t.test('user and password of the configuration sign in', async (t) => {
  const server = await startSmtpServer(t, { extensions: ['AUTH PLAIN'] });
  await mailTo(server.port, { user: 'knot%40example.org', password }).send(message);
  const plain = Buffer.from(`\0knot@example.org\0${password}`).toString('base64');
  t.ok(server.commands.includes(`AUTH PLAIN ${plain}`));
});

t.test('one message goes to one address', async (t) => {
  const server = await startSmtpServer(t);
  const mail = mailTo(server.port);
  const texts = [
    '',
    'ann',
    'ann@x.org, eve@x.org',
    'ann@x.org;eve@x.org',
    'ann@x.org\r\nBcc: eve@x.org',
    '<ann@x.org>',
  ];
  for (const to of texts) await t.rejects(mail.send({ ...message, to }), { code: 'KNOT_MAIL_FAILED' }, to);
  t.strictSame(server.mails, []);
  await mail.send({ ...message, subject: 'x\r\nBcc: eve@x.org' });
  t.strictSame(server.mails[0]?.to, ['ann@example.org']);
  t.notMatch(server.mails[0]?.data, /^Bcc:/m);
});

const failures: { what: string; behaviour: SmtpBehaviour; reason: Record<string, unknown> }[] = [
  { what: 'a recipient it refuses', behaviour: { answers: { RCPT: '550 no such mailbox' } }, reason: { status: 550 } },
  {
    what: 'a message it refuses',
    behaviour: { answers: { 'DATA-END': '554 looks like spam' } },
    reason: { status: 554 },
  },
  { what: 'a greeting it withholds', behaviour: { greeting: null }, reason: { reason: 'ETIMEDOUT' } },
  { what: 'an answer it withholds', behaviour: { answers: { MAIL: null } }, reason: { reason: 'ETIMEDOUT' } },
  {
    what: 'a password it refuses and repeats',
    behaviour: { extensions: ['AUTH PLAIN'], answers: { AUTH: `535 wrong password ${password}` } },
    reason: { reason: 'EAUTH', status: 535 },
  },
];

t.test('what the server does wrong becomes one error without its words', async (t) => {
  for (const { what, behaviour, reason } of failures) {
    const server = await startSmtpServer(t, behaviour);
    const logged: unknown[] = [];
    const log: Log = { ...silentLog, warn: (...line) => void logged.push(line) };
    const startedAt = performance.now();
    const error = await mailTo(server.port, { user: 'knot', password }, log)
      .send(message)
      .then(
        () => undefined,
        (error: unknown) => error as KnotError,
      );
    t.match(error, { code: 'KNOT_MAIL_FAILED', statusCode: 502, internal: reason }, what);
    // Not a measurement: nobody waits for ever.
    t.ok(performance.now() - startedAt < 25_000, `${what}: within its time`);
    const shown = JSON.stringify([logged, error, error?.message, error?.internal, error?.cause ?? null]);
    t.notMatch(
      shown,
      new RegExp(`${password}|${Buffer.from(password).toString('base64').slice(0, 12)}|spam|mailbox`),
      what,
    );
    t.equal(logged.length, 1, what);
  }
});

t.test('a server that is not there is an error like any other', async (t) => {
  await t.rejects(mailTo(1).send(message), { code: 'KNOT_MAIL_FAILED', internal: { reason: /^E/ } });
  await t.rejects(
    createMail({ settings: { server: 'smtp://a b:c', from: 'x@y.org', password }, log: silentLog }).send(message),
    { code: 'KNOT_MAIL_FAILED' },
  );
});

t.test('a password is not sent in the clear over a network', async (t) => {
  const server = await startSmtpServer(t, { extensions: ['AUTH PLAIN'], answers: { STARTTLS: '502 not here' } });
  // Reaches the server on this machine under a name that does not say so.
  const settings = { server: `smtp://knot@127.1:${server.port}`, from: 'knot@example.org', password };
  const mail = createMail({ settings, log: silentLog, timeoutMs: 2000 });
  await t.rejects(mail.send(message), { code: 'KNOT_MAIL_FAILED' });
  t.match(server.commands.join('\n'), /EHLO/, 'it was reached');
  t.notMatch(server.commands.join('\n'), /AUTH|MAIL/);
  for (const [address, isRequired] of [
    ['smtp://knot@mail.example.org', true],
    ['smtp://knot@127.0.0.1.example.org', true],
    ['smtp://mail.example.org', false],
    ['smtp://knot@localhost:25', false],
    ['smtp://knot@[::1]:25', false],
  ] as const) {
    t.equal(requiresEncryption(new URL(address)), isRequired, address);
  }
});

t.test('an encrypted address is not spoken to in the clear', async (t) => {
  const server = await startSmtpServer(t, { extensions: ['AUTH PLAIN'] });
  await t.rejects(mailTo(server.port, { scheme: 'smtps', user: 'knot', password }).send(message), {
    code: 'KNOT_MAIL_FAILED',
  });
  t.notMatch(server.commands.join('\n'), /AUTH|MAIL/);
});
