import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { fold } from './folding.js';
import { dropIgnorable, ignorableCodePoints, isIgnorable } from './ignorable.js';

/** Unassigned and private code points have no data to fold by. */
const UNASSIGNED = /\p{Cn}|\p{Co}/u;

/** Every Unicode scalar value as a text of its own. */
function* everyCharacter(): Generator<string> {
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += 1) {
    if (codePoint < 0xd800 || codePoint > 0xdfff) yield String.fromCodePoint(codePoint);
  }
}

describe('folding', () => {
  // The first eight pairs are known of Windows (the behaviour table of Samba's SPN tests); the rest follow from MS-ADTS 6.5.
  it.each([
    ['ī', 'i', 'an accent'],
    ['ō', 'O', 'an accent and case'],
    ['ħ', 'h', 'a stroke'],
    ['Ø', 'o', 'a stroke and case'],
    ['ş', 's', 'a cedilla'],
    [' /ħØşt', ' /host', 'a whole name'],
    ['つ', 'ツ', 'hiragana and katakana'],
    ['㋡', 'ツ', 'a circled katakana'],
    ['ł', 'l', 'a stroke'],
    ['Đ', 'd', 'a stroke and case'],
    ['ﾂ', 'ツ', 'a halfwidth katakana'],
    ['Ｗｅｂ１：８０', 'web1:80', 'fullwidth forms'],
    ['e\u0301', 'é', 'a decomposed accent'],
    ['ΣΑΣ', 'σας', 'both small sigmas'],
    ['ſ', 's', 'a long s'],
    ['STRASSE', 'straße', 'a sharp s'],
    ['İ', 'ı', 'dotted and dotless i'],
    ['K', 'k', 'the Kelvin sign'],
    ['ᾳ', 'α', 'an iota below'],
  ])('makes %j equal to %j: %s', (a, b) => {
    expect(fold(a)).toBe(fold(b));
  });

  it.each([
    ['0', 'O', 'a digit and a letter'],
    ['1', 'l', 'a digit and a letter'],
    ['Н', 'H', 'a Cyrillic look-alike'],
    ['ο', 'o', 'a Greek look-alike'],
    [' ', '  ', 'one space and two'],
    [' ', '\u00a0', 'a space and a no-break space'],
    ['／', '/', 'the fullwidth solidus, which must not separate parts'],
    ['℀', 'a/c', 'a compatibility form with a solidus inside'],
    ['ｔｅｌ', '℡', 'letters and a sign made of several'],
    ['\u00a8', '\u0308', 'a sign and the mark in its compatibility form'],
    ['web1\u200c', 'web1', 'an invisible code point, which the write check sees'],
    ['web1\ufe0f', 'web1', 'a variation selector, although it is a mark'],
    ['ค', 'คี', 'a Thai letter with and without its vowel sign'],
  ])('keeps %j apart from %j: %s', (a, b) => {
    expect(fold(a)).not.toBe(fold(b));
  });

  it('folds each code point to something that folds to itself, and none but the solidus to a solidus', () => {
    const unstable: string[] = [];
    const solidus: string[] = [];
    for (const character of everyCharacter()) {
      if (UNASSIGNED.test(character)) continue;
      const folded = fold(character);
      if (fold(folded) !== folded) unstable.push(character);
      if (folded.includes('/')) solidus.push(character);
    }
    expect(unstable).toEqual([]);
    expect(solidus).toEqual(['/']);
  });

  it('is idempotent and blind to canonical form on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const folded = fold(text);
        expect(fold(folded)).toBe(folded);
        expect(fold(text.normalize('NFC'))).toBe(folded);
        expect(fold(text.normalize('NFD'))).toBe(folded);
      }),
    );
  });

  it('folds a text the same in one piece and split at a solidus', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (left, right) => {
        expect(fold(`${left}/${right}`)).toBe(`${fold(left)}/${fold(right)}`);
      }),
    );
  });
});

describe('ignorable code points', () => {
  it("are the runtime's Default_Ignorable_Code_Point", () => {
    const differing = [...everyCharacter()].filter(
      (character) => isIgnorable(character) !== /^\p{Default_Ignorable_Code_Point}$/u.test(character),
    );
    expect(differing).toEqual([]);
  });

  it('are told with their place in UTF-16 units', () => {
    expect(ignorableCodePoints('😀cifs/dc1\u200c\u{e0041}')).toEqual([
      { codePoint: 'U+200C', offset: 10 },
      { codePoint: 'U+E0041', offset: 11 },
    ]);
    expect(ignorableCodePoints('cifs/dc1')).toEqual([]);
    expect(ignorableCodePoints('a\u00adb')).toEqual([{ codePoint: 'U+00AD', offset: 1 }]);
  });

  it('are what dropping them takes away, and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(dropIgnorable(text)).toBe([...text].filter((character) => !isIgnorable(character)).join(''));
      }),
    );
    expect(dropIgnorable('we\u200bb\u2060\ufeff1')).toBe('web1');
  });
});
