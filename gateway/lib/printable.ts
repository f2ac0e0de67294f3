/**
 * A text from outside as it may stand in a line that a person reads at a terminal: what moves the cursor, changes colours, begins a
 * new line or turns the direction of reading (Unicode categories Cc, Cf, Zl, Zp) is written as an escape, so that an address
 * that was asked for cannot forge what a command says about it.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\u{${code}}`;
  });
}
