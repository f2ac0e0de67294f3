/**
 * CodeMirror as this house uses it: one text that is read, changed and compared. It lives in a shadow root, where its rules go into a
 * style sheet made by script (`adoptedStyleSheets`); a `style` element would need a hole in the page's policy.
 */
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { unifiedMergeView } from '@codemirror/merge';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension, Transaction } from '@codemirror/state';
import { drawSelection, EditorView, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view';
import { languageOf } from './languages.ts';
import { houseColours, houseLook } from './look.ts';

export type EditorOptions = {
  parent: HTMLElement;
  /** What a screen reader calls it. */
  label: string;
  /** The name of the file, which tells its language. */
  name: string;
  text: string;
  /** Line ends differ: then a return is a character of its own, and stays where it is. */
  keepsReturns: boolean;
  isWrapped: boolean;
  onchange: () => void;
  onsave: () => void;
  /** What it does besides. */
  extensions?: Extension;
};

export type Editor = ReturnType<typeof createEditor>;

export function createEditor({
  parent,
  label,
  name,
  text,
  keepsReturns,
  isWrapped,
  onchange,
  onsave,
  extensions = [],
}: EditorOptions) {
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: 'open' });
  const [editing, wrapping, comparison, language] = [
    new Compartment(),
    new Compartment(),
    new Compartment(),
    new Compartment(),
  ];
  const wrapped = (isOn: boolean): Extension => (isOn ? EditorView.lineWrapping : []);
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: '',
      extensions: [
        houseLook,
        syntaxHighlighting(houseColours),
        lineNumbers(),
        highlightSpecialChars(),
        drawSelection(),
        bracketMatching(),
        search({ top: true }),
        highlightSelectionMatches(),
        history(),
        keepsReturns ? EditorState.lineSeparator.of('\n') : [],
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocapitalize: 'off' }),
        editing.of(reading),
        wrapping.of(wrapped(isWrapped)),
        comparison.of([]),
        language.of([]),
        extensions,
        keymap.of([
          { key: 'Mod-s', run: () => (onsave(), true), preventDefault: true },
          ...searchKeymap,
          ...historyKeymap,
          ...defaultKeymap,
        ]),
        EditorView.updateListener.of(({ docChanged, transactions }) => {
          const isOurs = transactions.every((one) => one.annotation(Transaction.remote));
          if (docChanged && !isOurs) onchange();
        }),
      ],
    }),
  });
  /** A change that is not the person's own: no step back leads behind it. */
  const place = (from: number, to: number, insert: string) =>
    view.dispatch({
      changes: { from, to, insert: view.state.toText(insert) },
      annotations: [Transaction.remote.of(true), Transaction.addToHistory.of(false)],
    });
  place(0, 0, text);
  void languageOf(name).then((found) => found && view.dispatch({ effects: language.reconfigure(found) }), ignore);

  return {
    view,
    text: () => view.state.doc.toString(),
    append: (more: string) => place(view.state.doc.length, view.state.doc.length, more),
    /** Shows another text in its place, without a way back. */
    show: (other: string) => place(0, view.state.doc.length, other),
    /** Puts another text in its place as if it had been typed: a step back brings the old one. */
    replace: (other: string) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: view.state.toText(other) } }),
    edit(isOn: boolean): void {
      view.dispatch({ effects: editing.reconfigure(isOn ? writing : reading) });
      if (isOn) view.focus();
    },
    wrap: (isOn: boolean) => view.dispatch({ effects: wrapping.reconfigure(wrapped(isOn)) }),
    /** Shows what differs from another text, with a choice at each place; nothing ends it. */
    compare(other: string | undefined): void {
      const shown = other === undefined ? [] : unifiedMergeView({ original: view.state.toText(other) });
      view.dispatch({ effects: comparison.reconfigure(shown) });
    },
    end: () => view.destroy(),
  };
}

/** Text to read: the keyboard reaches and scrolls it, and no keyboard of a phone comes up. */
const reading: Extension = [
  EditorState.readOnly.of(true),
  EditorView.editable.of(false),
  EditorView.contentAttributes.of({ tabindex: '0' }),
];
/** Tab indents; Escape and then Tab leaves (WCAG 2.1.2), which the page says. */
const writing: Extension = [indentOnInput(), keymap.of([indentWithTab])];

const ignore = (): void => undefined;
