/**
 * The one check at the edge: each argument's zod schema, with every fault named by its JSON pointer (RFC 6901).
 */
import { StandardSchemaValidationPipe } from '@nestjs/common';
import { Problem } from './problem.filter.js';

type Segment = PropertyKey | { readonly key: PropertyKey };

export function schemaPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => {
      const errors = issues
        .slice(0, 50)
        .map(({ message, path }) => ({ pointer: pointer(path ?? []), detail: message }));
      const summary = errors
        .map(({ pointer, detail }) => (pointer ? `${pointer.slice(1)}: ${detail}` : detail))
        .join('; ');
      return new Problem(400, 'REQUEST_INVALID', summary.slice(0, 1000), { errors });
    },
  });
}

function pointer(path: readonly Segment[]): string {
  return path
    .map((segment) => String(typeof segment === 'object' ? segment.key : segment))
    .map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
