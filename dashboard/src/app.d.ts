import type { Problem } from '#lib/problem.ts';

declare global {
  namespace App {
    type Error = Problem;
  }
}

export {};
