/**
 * Code points that a KDC's lookup drops although a directory's uniqueness check keeps them apart (CVE-2026-25177):
 * the Unicode property Default_Ignorable_Code_Point (Unicode 15.1, DerivedCoreProperties.txt; the set also covers
 * reserved ranges, so that later versions do not move it). A table and not the regular expression's property, because
 * keys made from it are stored and must not change with the runtime.
 */

const DEFAULT_IGNORABLE: readonly (readonly [first: number, last: number])[] = [
  [0x00ad, 0x00ad], // soft hyphen
  [0x034f, 0x034f], // combining grapheme joiner
  [0x061c, 0x061c], // Arabic letter mark
  [0x115f, 0x1160], // Hangul fillers
  [0x17b4, 0x17b5], // Khmer inherent vowels
  [0x180b, 0x180f], // Mongolian variation selectors and vowel separator
  [0x200b, 0x200f], // zero width space, non-joiner, joiner, direction marks
  [0x202a, 0x202e], // directional embeddings and overrides
  [0x2060, 0x206f], // word joiner, invisible operators, directional isolates
  [0x3164, 0x3164], // Hangul filler
  [0xfe00, 0xfe0f], // variation selectors
  [0xfeff, 0xfeff], // zero width no-break space, byte order mark
  [0xffa0, 0xffa0], // halfwidth Hangul filler
  [0xfff0, 0xfff8], // reserved
  [0x1bca0, 0x1bca3], // shorthand format controls
  [0x1d173, 0x1d17a], // musical format controls
  [0xe0000, 0xe0fff], // tags and variation selectors supplement
];

const IGNORABLE = DEFAULT_IGNORABLE.map(([first, last]) => `\\u{${hex(first)}}-\\u{${hex(last)}}`).join('');
const ONE_IGNORABLE = new RegExp(`^[${IGNORABLE}]$`, 'u');
const EVERY_IGNORABLE = new RegExp(`[${IGNORABLE}]`, 'gu');

/** `codePoint` in the form U+200C, `offset` in UTF-16 units. */
export interface IgnorableCodePoint {
  readonly codePoint: string;
  readonly offset: number;
}

/** Every invisible code point of a text, in order. An SPN that holds one is never legitimate. */
export function ignorableCodePoints(text: string): IgnorableCodePoint[] {
  return [...text.matchAll(EVERY_IGNORABLE)].map(({ 0: character, index }) => ({
    codePoint: `U+${hex(character.codePointAt(0) ?? 0).padStart(4, '0')}`,
    offset: index,
  }));
}

/** The text without its invisible code points. */
export function dropIgnorable(text: string): string {
  return text.replace(EVERY_IGNORABLE, '');
}

/** `character` is one code point. */
export function isIgnorable(character: string): boolean {
  return ONE_IGNORABLE.test(character);
}

function hex(codePoint: number): string {
  return codePoint.toString(16).toUpperCase();
}
