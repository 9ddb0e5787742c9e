import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import pc from 'picocolors';
import { renderFields, renderTable, type Column, visible } from './table.js';
import { visibleLength, wrapWords } from './wrapping.js';

type Row = { readonly name: string; readonly at?: string | null; readonly count?: number };

const columns: readonly Column<Row>[] = [
  { head: 'NAME', value: ({ name }) => name },
  { head: 'COUNT', value: ({ count }) => count, align: 'right' },
  { head: 'AT', value: ({ at }) => at },
];
const plain = { colors: pc.createColors(false), width: undefined };

describe('a table', () => {
  it('has a row a thing, aligned, without lines, and a dash for what is not there', () => {
    const rows = [{ name: 'svc-web', count: 5 }, { name: 'x', count: 12 }, { name: '' }];
    expect(renderTable(columns, rows, plain).split('\n')).toEqual([
      'NAME     COUNT  AT',
      'svc-web      5  –',
      'x           12  –',
      '–            –  –',
    ]);
  });

  it('says the day once when all instants are of one day, with every digit that is known', () => {
    const rows = [
      { name: 'a', at: '2026-11-22T10:53:32.933392Z' },
      { name: 'b', at: 'after 2026-11-22T10:53:33Z, by 2026-11-22T10:53:33.123456789Z' },
    ];
    const text = renderTable(columns, rows, plain);
    expect(text).toContain('10:53:32.933392');
    expect(text).toContain('after 10:53:33, by 10:53:33.123456789');
    expect(text).toMatch(/\ntimes: 2026-11-22, UTC$/);
  });

  it('says each day when they differ', () => {
    const rows = [
      { name: 'a', at: '2026-11-22T10:53:32Z' },
      { name: 'b', at: '2026-11-23T10:53:32Z' },
    ];
    expect(renderTable(columns, rows, plain)).toContain('2026-11-23 10:53:32');
    expect(renderTable(columns, rows, plain)).not.toContain('times:');
  });

  it('is never wider than the terminal when its words fit, and loses none of them', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    const sentence = fc.array(word, { minLength: 1, maxLength: 30 }).map((words) => words.join(' '));
    const rows = fc.array(fc.record({ name: sentence, at: sentence }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 40, max: 120 }), (given, width) => {
        const text = renderTable(columns, given, { ...plain, width });
        for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(width);
        const words = (some: string) => some.split(/\s+/).toSorted();
        const expected = ['NAME COUNT AT', ...given.flatMap(({ name, at }) => [name, '–', at])].join(' ');
        expect(words(text)).toEqual(words(expected));
      }),
    );
  });

  it('shows what hides: control and invisible characters of a name do nothing', () => {
    expect(visible('HTTP/web\u200c1\u001b[31m')).toBe(String.raw`HTTP/web\u{200c}1\u{1b}[31m`);
    expect(renderTable(columns, [{ name: 'a\u0007b' }], plain)).toContain(String.raw`a\u{7}b`);
  });
});

describe('fields', () => {
  it('leave out what is not there, and go on below the value', () => {
    const fields = [
      ['account', 'svc-web'],
      ['UPN', null],
      ['SPNs', 'HTTP/a\nHTTP/b'],
      ['key version', 0],
    ] as const;
    expect(renderFields(fields, plain).split('\n')).toEqual([
      'account      svc-web',
      'SPNs         HTTP/a',
      '             HTTP/b',
      'key version  0',
    ]);
  });
});

describe('wrapping', () => {
  it('fits words into the width, whatever their colours', () => {
    const colors = pc.createColors(true);
    const text = `${colors.red('one two')} three ${colors.dim('four')}`;
    const lines = wrapWords(text, 9).split('\n');
    expect(lines.map(visibleLength).every((length) => length <= 9)).toBe(true);
    expect(lines.join(' ')).toBe(text);
  });

  it('goes on below its own beginning, coloured or not', () => {
    const { dim } = pc.createColors(true);
    expect(wrapWords('  aa bb cc', 8)).toBe('  aa bb\n  cc');
    expect(wrapWords(dim('  aa bb cc'), 8)).toBe(dim('  aa bb\n  cc'));
  });

  it('keeps a longer word whole', () => {
    expect(wrapWords('a HTTP/web1.corp.example b', 10, '  ')).toBe('a\n  HTTP/web1.corp.example\n  b');
  });
});
