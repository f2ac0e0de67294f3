import { programTemplate } from '../support/process/templates.ts';

/**
 * A folder of templates with one, `talk`: a program that says what it is asked to (`/say?TEXT`), counts (`/count?N`), ends when it is told to (`/end`)
 * and answers with its environment otherwise.
 */
export function talkingTemplate(t: { teardown(end: () => void): void }): string {
  return programTemplate(t, {
    name: 'talk',
    description: 'Says things.',
    values: 'word: ""\n',
    program: `import { createServer } from 'node:http';
console.log('\\u001b[32mhello\\u001b[0m from ' + process.env.KNOT_SERVICE);
createServer((request, response) => {
  const { pathname, search } = new URL(request.url, 'http://x');
  if (pathname === '/say') process.stderr.write(decodeURIComponent(search.slice(1)));
  if (pathname === '/count') for (let n = 0; n < Number(search.slice(1)); n += 1) console.log('row ' + n);
  if (pathname === '/end') process.exit(3);
  response.end(JSON.stringify(process.env));
}).listen(process.argv[2]);
`,
  });
}
