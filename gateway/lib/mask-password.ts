/** An address without its password, for logs, messages and print-outs. */
export function maskPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^:@/]*):[^@/]*@/, '$1:***@');
}
