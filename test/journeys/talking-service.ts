import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A folder of templates with one, `talk`: a program that says what it is asked to (`/say?TEXT`), counts (`/count?N`), ends when it is told to (`/end`)
 * and answers with its environment otherwise.
 */
export function talkingTemplate(t: { teardown(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'knot-templates-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const talk = join(folder, 'talk');
  mkdirSync(talk);
  writeFileSync(join(talk, 'Chart.yaml'), 'apiVersion: v2\nname: talk\nversion: 1.0.0\ndescription: Says things.\n');
  writeFileSync(join(talk, 'values.yaml'), 'word: ""\n');
  writeFileSync(
    join(talk, 'process.yaml'),
    `command: ['{node}', '{template}/talk.mjs', '{socket}']\nlisten:\n  socket: true\nready: /\nstartSeconds: 20\n`,
  );
  writeFileSync(
    join(talk, 'talk.mjs'),
    `import { createServer } from 'node:http';
console.log('\\u001b[32mhello\\u001b[0m from ' + process.env.KNOT_SERVICE);
createServer((request, response) => {
  const { pathname, search } = new URL(request.url, 'http://x');
  if (pathname === '/say') process.stderr.write(decodeURIComponent(search.slice(1)));
  if (pathname === '/count') for (let n = 0; n < Number(search.slice(1)); n += 1) console.log('row ' + n);
  if (pathname === '/end') process.exit(3);
  response.end(JSON.stringify(process.env));
}).listen(process.argv[2]);
`,
  );
  return folder;
}
