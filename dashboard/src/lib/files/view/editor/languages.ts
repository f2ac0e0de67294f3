/** The colours of a language come by the end of the name, each in a chunk of its own; without one a text is plain. */
import { type StreamParser, StreamLanguage } from '@codemirror/language';
import { tags } from '@lezer/highlight';
import { endingOf } from '../kind.ts';

type Load = () => Promise<StreamParser<unknown>>;

const loads: Record<string, Load> = {
  c: () => import('@codemirror/legacy-modes/mode/clike').then(({ cpp }) => cpp),
  java: () => import('@codemirror/legacy-modes/mode/clike').then(({ java }) => java),
  css: () => import('@codemirror/legacy-modes/mode/css').then(({ css }) => css),
  diff: () => import('@codemirror/legacy-modes/mode/diff').then(({ diff }) => diff),
  docker: () => import('@codemirror/legacy-modes/mode/dockerfile').then(({ dockerFile }) => dockerFile),
  fortran: () => import('@codemirror/legacy-modes/mode/fortran').then(({ fortran }) => fortran),
  go: () => import('@codemirror/legacy-modes/mode/go').then(({ go }) => go),
  javascript: () => import('@codemirror/legacy-modes/mode/javascript').then(({ javascript }) => javascript),
  json: () => import('@codemirror/legacy-modes/mode/javascript').then(({ json }) => json),
  julia: () => import('@codemirror/legacy-modes/mode/julia').then(({ julia }) => julia),
  matlab: () => import('@codemirror/legacy-modes/mode/octave').then(({ octave }) => octave),
  perl: () => import('@codemirror/legacy-modes/mode/perl').then(({ perl }) => perl),
  properties: () => import('@codemirror/legacy-modes/mode/properties').then(({ properties }) => properties),
  python: () => import('@codemirror/legacy-modes/mode/python').then(({ python }) => python),
  r: () => import('@codemirror/legacy-modes/mode/r').then(({ r }) => r),
  rust: () => import('@codemirror/legacy-modes/mode/rust').then(({ rust }) => rust),
  shell: () => import('@codemirror/legacy-modes/mode/shell').then(({ shell }) => shell),
  sql: () => import('@codemirror/legacy-modes/mode/sql').then(({ standardSQL }) => standardSQL),
  tex: () => import('@codemirror/legacy-modes/mode/stex').then(({ stex }) => stex),
  toml: () => import('@codemirror/legacy-modes/mode/toml').then(({ toml }) => toml),
  xml: () => import('@codemirror/legacy-modes/mode/xml').then(({ html }) => html),
  yaml: () => import('@codemirror/legacy-modes/mode/yaml').then(({ yaml }) => yaml),
};

const endings: Record<string, string> = {
  c: 'c cc cpp cxx h hh hpp cu',
  java: 'java scala kt',
  css: 'css scss',
  diff: 'diff patch',
  fortran: 'f f90 f95 for',
  go: 'go',
  javascript: 'js mjs cjs ts tsx jsx svelte',
  json: 'json geojson ipynb',
  julia: 'jl',
  matlab: 'm',
  perl: 'pl pm',
  properties: 'ini cfg conf properties env',
  python: 'py pyi pyx smk',
  r: 'r rmd',
  rust: 'rs',
  shell: 'sh bash zsh sbatch slurm',
  sql: 'sql',
  tex: 'tex bib sty',
  toml: 'toml lock',
  xml: 'xml html htm svg xhtml',
  yaml: 'yaml yml',
};
const byEnding = new Map(
  Object.entries(endings).flatMap(([language, all]) => all.split(' ').map((ending) => [ending, language])),
);

/** Words of the older modes that stand beside others, where CodeMirror's own table is not asked. */
const tokenTable = {
  attribute: tags.attributeName,
  builtin: tags.standard(tags.variableName),
  def: tags.definition(tags.variableName),
  error: tags.invalid,
  header: tags.heading,
  property: tags.propertyName,
  qualifier: tags.modifier,
  tag: tags.tagName,
  type: tags.typeName,
  variable: tags.variableName,
};

export async function languageOf(name: string): Promise<StreamLanguage<unknown> | undefined> {
  const load = loads[/^dockerfile$/i.test(name) ? 'docker' : (byEnding.get(endingOf(name)) ?? '')];
  return load && StreamLanguage.define({ ...(await load()), tokenTable });
}
