import type { ReasonCode } from '../../../gateway/lib/index.ts';

/** A request target and what becomes of it on a strict route. `neighbour` rows of the same id must pass. */
export type PathRow =
  | { row: string; target: string; refused: ReasonCode; isOpenFine?: boolean; onlyHttp1?: boolean; method?: string }
  | { row: string; target: string; passes: true; method?: string };

const refuse = (row: string, refused: ReasonCode, ...targets: string[]): PathRow[] =>
  targets.map((target) => ({ row, target, refused }));
/** Refused on a strict route, byte-identical on one that opts in. */
const optIn = (row: string, refused: ReasonCode, ...targets: string[]): PathRow[] =>
  targets.map((target) => ({ row, target, refused, isOpenFine: true }));
const pass = (row: string, ...targets: string[]): PathRow[] => targets.map((target) => ({ row, target, passes: true }));

export const pathRows: PathRow[] = [
  ...refuse(
    'P1',
    'dot_segment',
    '/public/../admin',
    '/public/%2e%2e/admin',
    '/public/.%2e/admin',
    '/public/%2E./admin',
  ),
  ...refuse('P1', 'encoded_slash', '/public%2fadmin'),
  ...refuse('P1', 'dot_segment', '/public/..%2fadmin', '/public%2f..%2fadmin', '/public/..%5cadmin'),
  ...pass('P1', '/public/admin', '/public/..a/admin'),
  ...refuse('P2', 'backslash', '/public\\..\\admin', '/a\\b', '/\\evil'),
  ...pass('P2', '/a/b', '/a?x=\\b'),
  ...refuse('P3', 'dot_segment', '/%2e/admin', '/./admin', '/a/./b', '/a/%2e', '/a/.', '/a/..'),
  ...pass('P3', '/.well-known/x', '/a/.b'),
  ...refuse('P4', 'dot_ended_segment', '/api../admin', '/api%2e%2e/admin', '/api./x'),
  ...pass('P4', '/api/x', '/wiki/Etc.', '/api..x/admin'),
  ...refuse('P5', 'leading_double_slash', '//admin/x', '///evil.example/x'),
  ...optIn('P5', 'double_slash', '/a//b', '/a/b//'),
  ...pass('P5', '/a/b/', '/?next=//x'),
  ...pass('P6', '/%61dmin', '/admi%6e'),
  ...optIn('P7', 'encoded_slash', '/users/a%2fb', '/admin%2Fx', '/admin%5cx'),
  ...pass('P7', '/users/a/b', '/users?path=a%2fb'),
  ...pass('P8', '/ADMIN/Panel', '/Admin'),
  ...refuse('P9', 'fragment', '/a#b', '/a?x#y'),
  ...pass('P9', '/public/secret%23/endpoint'),
  ...pass('P10', '/admin?x=/public/health', '/admin?/public'),
  ...optIn('P11', 'path_parameter', '/admin;x=1', '/;/admin'),
  ...refuse('P11', 'dot_segment', '/a/..;/admin', '/a/..%3b/admin'),
  ...pass('P11', '/admin?a;b', '/a%3bb'),
  ...pass('P12', '/%252e%252e/admin', '/a%252fb'),
  ...refuse('P13', 'bad_utf8', '/%c0%ae%c0%ae/admin', '/%ff', '/%ed%a0%80'),
  ...refuse('P13', 'bad_percent', '/%', '/%2', '/%zz', '/%u0041'),
  ...refuse('P13', 'encoded_nul', '/a%00.png'),
  ...pass('P13', '/%e2%82%ac', '/na%C3%AFve'),
  { row: 'P14', target: '*', method: 'OPTIONS', refused: 'target_form' },
  { row: 'P14', target: '*', refused: 'target_form' },
  { row: 'P14', target: 'http://other/x', refused: 'target_form', onlyHttp1: true },
  { row: 'P14', target: 'https://echo.localhost/x', refused: 'target_form', onlyHttp1: true },
  { row: 'P14', target: '/x', method: 'OPTIONS', passes: true },
  ...pass('P15', '/files/a..b', '/..hidden', '/x/...slug', '/100%25.txt', '/x"<>y', "/a'b(c)*!~", '/a|b^c`{d}'),
  ...pass('P15', '/?', '/a?', '/a??b', '/%20', '/a%0Ab', `/long?${'q'.repeat(8000)}`, '/@user:x,y=z&w+$'),
  { row: 'P16', target: '/x', method: 'PROPFIND', refused: 'method_not_allowed', isOpenFine: true },
  { row: 'P16', target: '/x', method: 'REPORT', refused: 'method_not_allowed', isOpenFine: true },
  { row: 'P16', target: '/x', method: 'TRACE', refused: 'method_unknown' },
  { row: 'P16', target: '/x', method: 'PATCH', passes: true },
  { row: 'P16', target: '/x', method: 'DELETE', passes: true },
];
