/**
 * Folding of a text to the form that a directory's comparison sees. MS-ADTS 6.5 compares Unicode strings under
 * US English with case, kana type, nonspacing marks and width ignored; this is the same equality written as a fold
 * over Unicode's own data, checked against the pairs known to be equal or different on Windows (spn.spec tables).
 *
 * It is not the whole Windows weight table: what is known of neither equality stays apart. Digits never fold to
 * letters, letters of one script never to another's, and kinds of white space stay distinct. Nothing folds to "/",
 * so that folding never moves the border between an SPN's parts.
 */
import { isIgnorable } from './ignorable.js';

/** Letters with a stroke or bar: one base letter in the comparison, but no decomposition in Unicode. */
// prettier-ignore
const STROKED: Readonly<Record<string, string>> = {
  ⱥ: 'a', ƀ: 'b', ȼ: 'c', đ: 'd', ɇ: 'e', ǥ: 'g', ħ: 'h', ɨ: 'i', ɉ: 'j', ꝁ: 'k', ł: 'l', ƚ: 'l', ø: 'o', ɵ: 'o', ᵽ: 'p',
  ɍ: 'r', ŧ: 't', ⱦ: 't', ʉ: 'u', ɏ: 'y', ƶ: 'z',
};

const ASCII = /^[\0-\x7f]*$/;
const INHERITED_MARKS = /(?=\p{Mn})\p{Script=Inherited}/gu;
const ONE_WORD_CHARACTER = /^[\p{L}\p{N}]\p{M}*$/u;
const FULLWIDTH_SOLIDUS = '\uff0f';
const HIRAGANA_FIRST = 0x3041;
const HIRAGANA_LAST = 0x3096;
const HIRAGANA_TO_KATAKANA = 0x60;

/** Idempotent, and a fold of any two canonically equivalent texts is the same text. */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return [...text.normalize('NFD')].map(foldCharacter).join('').normalize('NFD');
}

function foldCharacter(character: string): string {
  const letters = foldCase(withoutAccents(decompose(character)));
  return [...withoutAccents(letters.normalize('NFD'))].map((letter) => toKatakana(STROKED[letter] ?? letter)).join('');
}

/** Width, circled and styled forms of one letter, digit or ASCII sign; other forms (½, ㎗, no-break space) stay as they are. */
function decompose(character: string): string {
  const compatible = character.normalize('NFKD');
  const isFullwidthAscii = character >= '\uff01' && character <= '\uff5e' && character !== FULLWIDTH_SOLIDUS;
  return isFullwidthAscii || ONE_WORD_CHARACTER.test(compatible) ? compatible : character;
}

/** Lower, upper, lower: letters with several lower-case forms come out as one (ſ as s, ς as σ, ß and ẞ as ss). */
function foldCase(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase();
}

/** Marks that belong to a script (vowel signs) stay, and so do invisible ones, which only a lookup drops. */
function withoutAccents(text: string): string {
  return text.replace(INHERITED_MARKS, (mark) => (isIgnorable(mark) ? mark : ''));
}

function toKatakana(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0;
  const isHiragana = codePoint >= HIRAGANA_FIRST && codePoint <= HIRAGANA_LAST;
  return isHiragana ? String.fromCodePoint(codePoint + HIRAGANA_TO_KATAKANA) : character;
}
