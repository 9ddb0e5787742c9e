import { describe, expect, it } from '@jest/globals';
import type { ArgumentMetadata } from '@nestjs/common';
import { z } from 'zod';
import { noNul, schemaPipe } from './schema-pipe.js';

const body = (schema?: z.ZodType): ArgumentMetadata =>
  ({ type: 'body', metatype: Object, data: undefined, ...(schema && { schema }) }) as ArgumentMetadata;

describe('a body', () => {
  it('is faulted by JSON pointers, with "/" and "~" in names escaped', async () => {
    const schema = z.object({ 'a/b': z.array(z.object({ '~c': z.string() })) });
    const checked = schemaPipe().transform({ 'a/b': [{ '~c': 'x' }, { '~c': 1 }] }, body(schema));
    await expect(checked).rejects.toMatchObject({
      status: 400,
      code: 'REQUEST_INVALID',
      fields: { errors: [{ pointer: '/a~1b/1/~0c' }] },
    });
  });

  it('has at most fifty faults told, and a thousand characters of them', async () => {
    const schema = z.object({ many: z.array(z.number()) });
    const checked = schemaPipe().transform({ many: Array(500).fill('x') }, body(schema));
    const error = await (checked as Promise<unknown>).catch(
      (caught: unknown) => caught as { message: string; fields: { errors: unknown[] } },
    );
    expect(error).toMatchObject({ message: expect.stringMatching(/^.{1,1000}$/) });
    expect((error as { fields: { errors: unknown[] } }).fields.errors).toHaveLength(50);
  });

  it('with a NUL anywhere is refused, and where is told', () => {
    const refuse = (value: unknown, metadata: Partial<ArgumentMetadata>) => () =>
      noNul.transform(value, { ...body(), ...metadata });
    const at = (pointer: string) =>
      expect.objectContaining({ fields: { errors: [{ pointer, detail: expect.any(String) }] } });
    expect(refuse({ a: [{ b: 'x\0' }] }, {})).toThrow(at('/a/0/b') as never);
    expect(refuse('x\0', { type: 'param', data: 'account' })).toThrow(at('/account') as never);
    expect(refuse({ a: ['x', 1, null, undefined, true] }, {})).not.toThrow();
  });
});
