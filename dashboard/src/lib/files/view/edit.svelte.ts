/** A text that is changed: what it was, what was typed since, and what somebody else saved meanwhile. */
import { ApiError, problemIn } from '#lib/api/request.ts';
import type { Place } from '#lib/files/place.ts';
import { addressOf } from '#lib/files/place.ts';
import type { Problem } from '#lib/problem.ts';
import { draftOf, forgetDraft, forgetDrafts, keepDraft } from '#lib/ui/form/drafts.ts';
import { isChanged, readPart, type Version, write } from './bytes.ts';
import type { Editor } from './editor/editor.ts';
import { encodingOf } from './encoding.ts';
import { mostToEdit } from './limits.ts';
import { bytesOf, type LineEnd } from './lines.ts';

const pauseMilliseconds = 400;

/** A text as it was read: with `\n` between its lines, unless its line ends are mixed. */
export type Base = { version: Version; text: string; lineEnd: LineEnd; hasMark: boolean };
/** What somebody else made of the file: nothing of it when it is gone, no text when it is none any more. */
export type Theirs = { version?: Version; text?: string };

export class FileEdit {
  isOn = $state(false);
  isDirty = $state(false);
  isSaving = $state(false);
  /** What was typed before a reload is in the text. */
  isRestored = $state(false);
  isComparing = $state(false);
  problem = $state.raw<Problem>();
  conflict = $state.raw<Theirs>();
  /** What is typed is kept in this browser; it may be too much for it. */
  isKept = true;
  #base: Base;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #place: Place;
  readonly #editor: Editor;
  readonly #draft: { person: string; form: string };

  constructor({ place, person, editor, base }: { place: Place; person: string; editor: Editor; base: Base }) {
    this.#place = place;
    this.#editor = editor;
    this.#base = base;
    this.#draft = { person, form: `file:${addressOf(place)}` };
  }

  get base(): Base {
    return this.#base;
  }

  begin(): void {
    this.isOn = true;
    this.#editor.edit(true);
  }

  end(): void {
    this.isOn = false;
    this.#editor.edit(false);
  }

  /** Another version is shown, and nothing was typed. */
  follow(base: Base): void {
    this.#base = base;
    this.#editor.show(base.text);
  }

  /** Fills in what was typed before a reload. True when there was something. */
  async restore(): Promise<boolean> {
    const { person, form } = this.#draft;
    forgetDrafts(person);
    const { text, etag } = draftOf(person, form, { text: '', etag: '' }) ?? {};
    if (text === undefined || text === this.#base.text) return false;
    this.begin();
    this.#editor.replace(text);
    this.isDirty = true;
    this.isRestored = true;
    if (etag !== this.#base.version.etag) await this.meet();
    return true;
  }

  /** Something was typed. */
  typed(): void {
    this.isDirty = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), pauseMilliseconds);
  }

  /** Keeps what was typed for a reload, at once. */
  keep(): void {
    clearTimeout(this.#timer);
    const { person, form } = this.#draft;
    const text = this.#editor.text();
    this.isDirty = text !== this.#base.text;
    if (!this.isDirty) return this.#forget();
    keepDraft(person, form, { text, etag: this.#base.version.etag });
    this.isKept = draftOf(person, form, { text: '' })?.text === text;
    // A part of it, or an older one, is worse than nothing.
    if (!this.isKept) forgetDraft(person, form);
  }

  /** Back to what is saved. */
  discard(): void {
    this.#editor.replace(this.#base.text);
    this.#settle();
    this.conflict = undefined;
  }

  /** Writes what is there over the version it was made from, and no other. True when it is saved. */
  save = (): Promise<boolean> => this.#write(this.#base.version.etag);

  /** Writes it over what somebody else saved, as it was shown. */
  keepMine = (): Promise<boolean> => this.#write(this.conflict?.version?.etag);

  keepTheirs(): void {
    const { version, text } = this.conflict ?? {};
    if (version === undefined || text === undefined) return;
    this.#editor.replace(text);
    this.#base = { ...this.#base, version, text };
    this.#settle();
    this.conflict = undefined;
  }

  compare(isOn: boolean): void {
    this.isComparing = isOn;
    this.#editor.compare(isOn ? this.conflict?.text : undefined);
  }

  /** Somebody else has saved: shows what is there now beside what was typed. */
  async meet(): Promise<void> {
    try {
      this.conflict = await this.#theirs();
      if (this.isComparing) this.compare(true);
    } catch (error) {
      this.problem = problemIn(error);
    }
  }

  async #write(etag: string | undefined): Promise<boolean> {
    if (this.isSaving) return false;
    this.isSaving = true;
    this.problem = undefined;
    const text = this.#editor.text();
    try {
      const { size, modifiedAt, etag: now, name } = await write(this.#place, bytesOf(text, this.#base), etag);
      this.#base = { ...this.#base, text, version: { name, size, modifiedAt, etag: now } };
      this.conflict = undefined;
      this.#settle();
      // What was typed while it was sent.
      if (this.#editor.text() !== text) this.typed();
      return true;
    } catch (error) {
      if (isChanged(error)) await this.meet();
      else this.problem = problemIn(error);
      return false;
    } finally {
      this.isSaving = false;
    }
  }

  async #theirs(): Promise<Theirs> {
    let read: { version: Version; bytes: Uint8Array };
    try {
      read = await readPart(this.#place, { from: 0, length: mostToEdit });
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 404) return {};
      throw error;
    }
    const { version, bytes } = read;
    const encoding = version.size > bytes.length ? undefined : encodingOf(bytes, true);
    if (encoding?.label !== 'utf-8') return { version };
    const text = new TextDecoder().decode(bytes);
    return { version, text: this.#base.lineEnd === 'mixed' ? text : text.replaceAll(/\r\n|\r/g, '\n') };
  }

  #settle(): void {
    if (this.isComparing) this.compare(false);
    this.isDirty = false;
    this.isRestored = false;
    this.#forget();
  }

  #forget(): void {
    clearTimeout(this.#timer);
    forgetDraft(this.#draft.person, this.#draft.form);
  }
}
