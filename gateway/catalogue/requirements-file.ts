import type { TemplateProblem } from './template.ts';

const file = 'requirements.txt';
const requirement =
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,80}(?:\[[A-Za-z0-9,._-]{1,80}\])? ?==[0-9][0-9A-Za-z.!+-]{0,40}(?: ?;[^\\#]{1,300}?)?(?: --hash=sha256:[0-9a-f]{64})+$/;

/**
 * Checks `requirements.txt` of a template: every package with its exact version and the digests of its files, and nothing else in it,
 * so that what is installed is what its author saw, whatever an index hands out (pip, "Hash-checking Mode").
 */
export function checkRequirements(text: string, problems: TemplateProblem[]): void {
  const complain = (line: number, message: string): void =>
    void problems.push({ file, line, severity: 'error', message });
  let started = 1;
  let whole = '';
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = raw.replace(/(^|\s)#.*$/, '').trimEnd();
    if (whole === '') started = index + 1;
    whole += ` ${line.replace(/\\$/, '')}`;
    if (line.endsWith('\\')) return;
    const one = whole.replaceAll(/\s+/g, ' ').trim();
    whole = '';
    if (one === '' || requirement.test(one)) return;
    if (!one.includes('--hash=')) complain(started, `"${one.slice(0, 60)}" has no --hash=sha256:…`);
    else complain(started, `"${one.slice(0, 60)}" must be NAME==VERSION with --hash=sha256:…`);
  });
  if (whole.trim() !== '') complain(started, 'ends in the middle of a requirement');
}
