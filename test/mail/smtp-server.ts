import { createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

export type ReceivedMail = { from: string; to: string[]; data: string };

export type SmtpServer = {
  port: number;
  mails: ReceivedMail[];
  /** Every line clients sent outside a message. */
  commands: string[];
  sockets: Set<Socket>;
};

export type SmtpBehaviour = {
  /** Answer to a command (by its first word, `DATA-END` after a message) in place of the usual one; null stays silent. */
  answers?: Record<string, string | null>;
  /** Lines of the EHLO answer after the first. */
  extensions?: string[];
  /** Null: accepts the connection and says nothing. */
  greeting?: string | null;
};

/** A small SMTP server (RFC 5321) that takes what it is given and remembers it. */
export function startSmtpServer(t: Test, behaviour: SmtpBehaviour = {}): Promise<SmtpServer> {
  const { answers = {}, extensions = [], greeting = '220 mail.test ESMTP' } = behaviour;
  const received: SmtpServer = { port: 0, mails: [], commands: [], sockets: new Set() };
  const server = createServer((socket) => {
    received.sockets.add(socket);
    socket.on('close', () => received.sockets.delete(socket));
    socket.on('error', () => undefined);
    const say = (line: string | null) => void (line !== null && socket.write(`${line}\r\n`));
    say(greeting);
    let mail: ReceivedMail = { from: '', to: [], data: '' };
    let isData = false;
    let rest = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (isData && line !== '.') mail.data += `${line.replace(/^\./, '')}\r\n`;
        else if (isData) {
          isData = false;
          received.mails.push(mail);
          mail = { from: '', to: [], data: '' };
          say('DATA-END' in answers ? answers['DATA-END']! : '250 taken');
        } else command(line);
      }
    });
    function command(line: string): void {
      received.commands.push(line);
      const word = line.split(' ')[0]!.toUpperCase();
      const address = /<(.*)>/.exec(line)?.[1] ?? '';
      if (word in answers) return say(answers[word]!);
      if (word === 'EHLO') {
        const all = ['mail.test', ...extensions];
        return say(all.map((text, index) => `250${index === all.length - 1 ? ' ' : '-'}${text}`).join('\r\n'));
      }
      if (word === 'MAIL') mail.from = address;
      if (word === 'RCPT') mail.to.push(address);
      if (word === 'DATA') isData = true;
      say(word === 'DATA' ? '354 go on' : word === 'AUTH' ? '235 welcome' : word === 'QUIT' ? '221 bye' : '250 ok');
    }
  });
  t.teardown(() => {
    for (const socket of received.sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address) received.port = address.port;
      resolve(received);
    });
  });
}
