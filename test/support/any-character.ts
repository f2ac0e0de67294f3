import fc from 'fast-check';

const surrogates = { from: 0xd800, count: 0x800 };

/**
 * Any character of Unicode, as `fc.string({ unit: anyCharacter })`. The same as fast-check's own `unit: 'binary'`, which first writes
 * a table of all million of them: seconds for each file that uses it.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: 0x10ffff - surrogates.count })
  .map((code) => String.fromCodePoint(code < surrogates.from ? code : code + surrogates.count));
