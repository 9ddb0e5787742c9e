import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { rewriteSetspn } from './setspn.js';

const rewritten = (line: string): string => rewriteSetspn(line.split(' ')).join(' ');

describe("setspn's switches", () => {
  it.each([
    ['spn -S HTTP/web1 svc-web', 'spn add --check svc-web HTTP/web1'],
    ['spn -A HTTP/web1 svc-web', 'spn add svc-web HTTP/web1'],
    ['spn -D HTTP/web1 svc-web', 'spn delete svc-web HTTP/web1'],
    ['spn -L svc-web', 'spn list svc-web'],
    ['spn -Q */web1*', 'spn query */web1*'],
    ['spn -X', 'spn duplicates'],
    ['spn -x', 'spn duplicates'],
  ])('%s is %s', (written, meant) => {
    expect(rewritten(written)).toBe(meant);
  });

  it.each([
    ['spn -X -F', 'spn duplicates -F'],
    ['spn -F -X', 'spn duplicates'],
    ['spn -P -F -Q HTTP/web1', 'spn query HTTP/web1'],
    ['spn -U -S HTTP/web1 svc-web', 'spn add --check svc-web HTTP/web1'],
    ['spn -T corp.example -Q HTTP/web1', 'spn query HTTP/web1 --forest corp.example'],
    ['spn -T * -F -X', 'spn duplicates'],
  ])('with modifiers before it: %s is %s', (written, meant) => {
    expect(rewritten(written)).toBe(meant);
  });

  it('keeps options that follow', () => {
    expect(rewritten('spn -L svc-web --as-of 2026-11-22 -o json')).toBe('spn list svc-web --as-of 2026-11-22 -o json');
    expect(rewritten('spn -S HTTP/web1 svc-web --forest corp')).toBe('spn add --check svc-web HTTP/web1 --forest corp');
  });

  it.each(['spn -S HTTP/web1', 'spn -D HTTP/web1 --forest', 'spn -L', 'spn -Q'])(
    '%s says what it takes, and sends nothing',
    (written) => {
      expect(() => rewritten(written)).toThrow(/takes (SPN|ACCOUNT)/);
    },
  );

  it('-R is not done, and says what to do instead', () => {
    expect(() => rewritten('spn -R web1')).toThrow(
      expect.objectContaining({ exitCode: 2, next: expect.stringContaining('spn set') }),
    );
  });

  it('leaves every other command as it is', () => {
    const words = fc.array(fc.string());
    fc.assert(
      fc.property(
        words.filter(([first]) => first !== 'spn'),
        (args) => expect(rewriteSetspn(args)).toEqual(args),
      ),
    );
    expect(rewritten('spn list svc-web')).toBe('spn list svc-web');
    expect(rewritten('spn')).toBe('spn');
  });
});
