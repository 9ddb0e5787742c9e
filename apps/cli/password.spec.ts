import { describe, expect, it } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { PASSWORD_VARIABLE, readPassword, type PasswordSource } from './password.js';

function source(input: string | undefined, given: Partial<PasswordSource> = {}): PasswordSource {
  const stdin = new PassThrough();
  stdin.end(input);
  const stderr = new PassThrough();
  return { stdin, stderr, env: {}, ...given } as unknown as PasswordSource;
}

describe('a password', () => {
  it('comes from standard input, without the line break that ended it', async () => {
    expect(await readPassword(source('pä ss\r\n', { fromStdin: true }), 'password')).toBe('pä ss');
    expect(await readPassword(source('two\nlines\n', { fromStdin: true }), 'password')).toBe('two\nlines');
  });

  it('or from the environment', async () => {
    expect(await readPassword(source('', { env: { [PASSWORD_VARIABLE]: 'secret' } }), 'password')).toBe('secret');
  });

  it('but an empty standard input is none', async () => {
    await expect(readPassword(source('\n', { fromStdin: true }), 'password')).rejects.toMatchObject({ exitCode: 2 });
  });

  it('and without a terminal nothing is asked', async () => {
    await expect(readPassword(source('typed\n'), 'password')).rejects.toMatchObject({
      exitCode: 2,
      next: expect.stringContaining('--password-stdin'),
    });
  });
});
