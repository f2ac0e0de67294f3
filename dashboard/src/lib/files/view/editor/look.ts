/** The editor in the colours and letters of the house: its style sheet is one the page made (CSSOM), which a strict policy allows. */
import { HighlightStyle } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

export const houseLook = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: 'var(--size-small)', maxHeight: 'inherit' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '1.55', overflow: 'auto', maxHeight: 'inherit' },
  '.cm-content': { caretColor: 'var(--accent)', padding: 'var(--space-2) 0' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)' },
  '.cm-gutters': { color: 'var(--soft)', backgroundColor: 'var(--surface)', border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 var(--space-3)', minWidth: '3.5em' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'transparent' },
  '&.cm-editor .cm-scroller .cm-selectionBackground': {
    background: 'color-mix(in oklch, var(--accent) 28%, transparent)',
  },
  '.cm-specialChar': { color: 'var(--failed)' },
  '.cm-panels': { color: 'var(--text)', backgroundColor: 'var(--sunken)', border: 'none' },
  '.cm-panel input, .cm-panel button': { font: 'inherit', color: 'var(--text)' },
  '.cm-panel button.cm-button': { background: 'var(--surface)', border: '1px solid var(--edge)', borderRadius: '6px' },
  '.cm-panel input.cm-textfield': {
    background: 'var(--surface)',
    border: '1px solid var(--edge)',
    borderRadius: '6px',
  },
  '.cm-searchMatch': { backgroundColor: 'var(--warning-wash)' },
  '.cm-searchMatch-selected': { outline: '2px solid var(--warning)' },
  '&.cm-merge-b .cm-changedLine, .cm-inlineChangedLine': { backgroundColor: 'var(--ready-wash)' },
  '&.cm-merge-b .cm-changedText': { background: 'color-mix(in oklch, var(--ready) 22%, transparent)' },
  '.cm-deletedChunk': { backgroundColor: 'var(--failed-wash)' },
  '.cm-deletedChunk .cm-deletedText': { background: 'color-mix(in oklch, var(--failed) 22%, transparent)' },
  '.cm-deletedChunk .cm-chunkButtons button': {
    color: 'var(--on-accent)',
    background: 'var(--accent)',
    fontFamily: 'var(--font-sans)',
  },
});

export const houseColours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: 'var(--working)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--ready)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--warning)' },
  { tag: [tags.comment, tags.meta], color: 'var(--soft)' },
  { tag: [tags.function(tags.variableName), tags.definition(tags.variableName), tags.tagName], color: 'var(--accent)' },
  { tag: [tags.typeName, tags.className, tags.propertyName, tags.attributeName], color: 'var(--asleep)' },
  { tag: tags.heading, fontWeight: 'var(--weight-strong)' },
  { tag: tags.invalid, color: 'var(--failed)' },
]);
