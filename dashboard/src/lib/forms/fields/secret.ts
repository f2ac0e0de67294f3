const letters = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** Letters and digits that are not mistaken for one another; 24 of them are 139 bits. */
export function newSecret(most = 24): string {
  const length = Math.max(1, Math.min(24, most));
  let text = '';
  while (text.length < length) {
    // Each byte that would make some letters likelier than others is drawn again.
    for (const byte of crypto.getRandomValues(new Uint8Array(length)))
      if (byte < 256 - (256 % letters.length) && text.length < length) text += letters[byte % letters.length];
  }
  return text;
}
