/**
 * The one check at the edge: each argument's zod schema, with every fault named by its JSON pointer (RFC 6901). Then no text with a
 * NUL, which PostgreSQL cannot hold: nothing stored has one, and nothing behind this edge has to think of it.
 */
import { type PipeTransform, StandardSchemaValidationPipe } from '@nestjs/common';
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

/** Runs after the schemas, so that what it walks is as small and as flat as they allow. */
export const noNul: PipeTransform = {
  transform(value: unknown, { type, data }) {
    const at = type === 'custom' ? undefined : nulIn(value);
    if (at === undefined) return value;
    const error = {
      pointer: pointer(data === undefined ? at : [data, ...at]),
      detail: 'must not hold a NUL character',
    };
    throw new Problem(400, 'REQUEST_INVALID', `${error.pointer.slice(1)}: ${error.detail}`, { errors: [error] });
  },
};

/** Where the first text with a NUL stands. */
function nulIn(value: unknown): string[] | undefined {
  if (typeof value === 'string') return value.includes('\0') ? [] : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, entry] of Object.entries(value)) {
    const at = nulIn(entry);
    if (at) return [name, ...at];
  }
  return undefined;
}

function pointer(path: readonly Segment[]): string {
  return path
    .map((segment) => String(typeof segment === 'object' ? segment.key : segment))
    .map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
