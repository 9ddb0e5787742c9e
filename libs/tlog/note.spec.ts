/** Signed notes, keys, checkpoints and tlog-proofs: the specification's own examples, any text, and any change to one. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from './checkpoint.js';
import { EMPTY_ROOT } from './hash.js';
import { someLeaves } from './naive-tree.spec-support.js';
import { newSigner, parseVerifierKey } from './note-key.js';
import { openNote, parseNote, signNote } from './note.js';
import { formatTlogProof, parseTlogProof } from './tlog-proof.js';
import { NoteInvalid } from './tlog.error.js';

/** C2SP signed-note, "Verifier keys": an example that another implementation has signed. */
const EXAMPLE_KEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const EXAMPLE_NOTE = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`;

const signer = newSigner('kerbtrail.example/log', Buffer.alloc(32, 7));
const other = newSigner('kerbtrail.example/log', Buffer.alloc(32, 8));
const verifier = parseVerifierKey(signer.verifierKey);
const otherVerifier = parseVerifierKey(other.verifierKey);
const checkpoint = { origin: 'kerbtrail.example/log', size: 20_852_163, root: someLeaves(1)[0]! };

/** What it throws is ours, and says which kind. */
function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof NoteInvalid) return error.code;
    throw error;
  }
  return 'nothing';
}

describe('a verifier key', () => {
  it('opens the note of the specification’s example', () => {
    const { text, verifiedBy } = openNote(EXAMPLE_NOTE, [parseVerifierKey(EXAMPLE_KEY)]);
    expect(text).toBe('This is an example message.\n');
    expect(verifiedBy.map(({ name }) => name)).toEqual(['example.com/foo']);
  });

  it('of Ed25519 is the public key of RFC 8032 §7.1, test 1', () => {
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    const [, , encoded = ''] = newSigner('a', seed).verifierKey.split('+');
    const publicKey = Buffer.from(newSigner('a', seed).verifierKey.split('+').slice(2).join('+'), 'base64');
    expect(encoded).not.toBe('');
    expect(publicKey.toString('hex')).toBe('01d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  });

  it.each([
    ['', 'write <name>+<8 hex digits>+<base64>'],
    ['example.com/foo+530d903a', 'write <name>'],
    ['example.com/foo+530d903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k', 'write <name>'],
    ['example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k', 'its id would be'],
    ['example com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k', 'none of them a space'],
    ['example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2', 'not base64'],
    ['example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k', 'its signature type 6 is not known'],
    ['example.com/foo+530d903a+Aeky', 'its public key has 2 bytes'],
  ])('is not %p', (text, reason) => {
    expect(() => parseVerifierKey(text)).toThrow(reason);
    expect(codeOf(() => parseVerifierKey(text))).toBe('TLOG_VERIFIER_KEY');
  });

  it('of any 32 bytes verifies nothing that it has not signed, and throws nothing', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 70 }),
        (key, signature) => {
          const material = Buffer.concat([Buffer.of(1), key]);
          const id = hash('sha256', Buffer.concat([Buffer.from('a\n'), material]), 'hex').slice(0, 8);
          const { verify } = parseVerifierKey(`a+${id}+${material.toString('base64')}`);
          expect(verify('text\n', signature)).toBe(false);
        },
      ),
    );
  });

  it('has a name without spaces and pluses, and a seed of 32 bytes', () => {
    for (const name of ['', 'a b', 'a+b', 'a\nb', 'a\u2003b', 'a\ud800', 'x'.repeat(256)]) {
      expect(codeOf(() => newSigner(name, Buffer.alloc(32)))).toBe('TLOG_VERIFIER_KEY');
    }
    expect(() => newSigner('a', Buffer.alloc(31))).toThrow(RangeError);
  });
});

describe('a signed note', () => {
  const anyText = fc.string({ unit: 'grapheme' }).map((text) => `${text.replace(/\p{Cc}|\p{Surrogate}/gu, '')}\n`);

  it('opens to its text for each of its signers, whatever the text', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 4 }), (lines) => {
        const text = lines.join('');
        const note = signNote(text, [signer, other]);
        expect(openNote(note, [verifier])).toEqual({ text, verifiedBy: [verifier] });
        expect(openNote(note, [otherVerifier, verifier]).verifiedBy).toEqual([otherVerifier, verifier]);
      }),
    );
  });

  it('keeps and passes over signatures of keys and types that are not known', () => {
    const postQuantum = `— witness.example ${Buffer.alloc(4 + 8 + 2420, 9).toString('base64')}\n`;
    const note = signNote('text\n', [other, signer]) + postQuantum.repeat(14);
    expect(openNote(note, [verifier]).verifiedBy).toEqual([verifier]);
    expect(parseNote(note).signatures.map(({ name }) => name)).toHaveLength(16);
    expect(parseNote(note).signatures[2]).toEqual({
      name: 'witness.example',
      keyId: Buffer.alloc(4, 9),
      signature: Buffer.alloc(2428, 9),
    });
  });

  it('is refused when none of the known keys has signed', () => {
    const note = signNote('text\n', [other]);
    expect(codeOf(() => openNote(note, [verifier]))).toBe('TLOG_NOTE_UNVERIFIED');
    expect(codeOf(() => openNote(note, []))).toBe('TLOG_NOTE_UNVERIFIED');
    expect(() => openNote(note, [verifier])).toThrow(other.keyId.toString('hex'));
  });

  it('is refused when a known key’s signature is wrong, even if another one is right', () => {
    const signed = signNote('text\n', [signer, other]);
    const replaced = signed.replace(signer.sign('text\n'), signer.sign('other text\n'));
    expect(codeOf(() => openNote(replaced, [verifier, otherVerifier]))).toBe('TLOG_NOTE_SIGNATURE');
    expect(openNote(replaced, [otherVerifier]).text).toBe('text\n');
  });

  it('is refused with any character of it changed', () => {
    const note = signNote(formatCheckpoint(checkpoint), [signer]);
    fc.assert(
      fc.property(
        fc.nat(note.length - 1),
        fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 1 }),
        (at, by) => {
          fc.pre(note[at] !== by);
          const changed = note.slice(0, at) + by + note.slice(at + 1);
          expect(codeOf(() => openNote(changed, [verifier]))).not.toBe('nothing');
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ['empty', ''],
    ['no signature', 'text\n\n'],
    ['no empty line', 'text\n— a AAAAAAA=\n'],
    ['no newline at its end', 'text\n\n— a AAAAAAA='],
    ['a control character', 'te\txt\n\n— a AAAAAAA=\n'],
    ['half a surrogate pair', 'te\ud800xt\n\n— a AAAAAAA=\n'],
    ['a hyphen for the dash', 'text\n\n- a AAAAAAA=\n'],
    ['a name with a plus', 'text\n\n— a+b AAAAAAA=\n'],
    ['a name with a wide space', 'text\n\n— a\u3000b AAAAAAA=\n'],
    ['base64 with loose bits', 'text\n\n— a AAAAAAB=\n'],
    ['base64 without padding', 'text\n\n— a AAAAAAA\n'],
    ['a signature that is only a key id', 'text\n\n— a AAAAAA==\n'],
  ])('is not one with %s', (_, note) => {
    expect(codeOf(() => parseNote(note))).toBe('TLOG_NOTE_SYNTAX');
  });

  it('has at most 32 signatures and 256 KiB', () => {
    const line = '— a AAAAAAA=\n';
    expect(parseNote(`text\n\n${line.repeat(32)}`).signatures).toHaveLength(32);
    expect(codeOf(() => parseNote(`text\n\n${line.repeat(33)}`))).toBe('TLOG_NOTE_LIMIT');
    expect(codeOf(() => parseNote(`${'é'.repeat(128 * 1024)}\n\n${line}`))).toBe('TLOG_NOTE_LIMIT');
  });

  it('never fails with anything but its own error, whatever the text', () => {
    const parts = ['\n', '\n\n', '— ', 'a ', 'AAAAAAA=', '\n— a AAAAAAA=\n', '\u0000', '\ud800', 'é', '0'];
    const text = fc.oneof(
      fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map((some) => some.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(fc.property(text, (note) => expect(codeOf(() => openCheckpoint(note, [verifier]))).toMatch(/^TLOG_/)));
  });
});

describe('a checkpoint', () => {
  it('is the specification’s example', () => {
    const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    const { origin, size, root } = parseCheckpoint(text);
    expect([origin, size]).toEqual(['example.com/behind-the-sofa', 20_852_163]);
    expect(formatCheckpoint({ origin, size, root })).toBe(text);
    expect(parseCheckpoint(`${text}an extension line\n`)).toEqual({ origin, size, root });
    expect(formatCheckpoint({ origin, size: 0, root: EMPTY_ROOT })).toContain('\n0\n');
  });

  it.each([
    ['', 'line 1'],
    ['\n5\nAAAA\n', 'line 1'],
    ['a\n05\nAAAA\n', 'line 2'],
    ['a\n-1\nAAAA\n', 'line 2'],
    ['a\n9007199254740992\nAAAA\n', 'line 2'],
    ['a\n5\nAAAA\n', 'line 3'],
    [formatCheckpoint(checkpoint).slice(0, -1), 'line 4'],
    [`${formatCheckpoint(checkpoint)}x`, 'line 4'],
    [`${formatCheckpoint(checkpoint)}\n`, 'line 4'],
    [`${formatCheckpoint(checkpoint)}x\n\ny\n`, 'line 5'],
  ])('is not %p', (text, where) => {
    expect(codeOf(() => parseCheckpoint(text))).toBe('TLOG_CHECKPOINT_SYNTAX');
    expect(() => parseCheckpoint(text)).toThrow(where);
  });

  it('is not made of what cannot be read again', () => {
    expect(() => formatCheckpoint({ ...checkpoint, size: -1 })).toThrow(RangeError);
    expect(() => formatCheckpoint({ ...checkpoint, root: Buffer.alloc(31) })).toThrow(RangeError);
    expect(codeOf(() => formatCheckpoint({ ...checkpoint, origin: '' }))).toBe('TLOG_CHECKPOINT_SYNTAX');
    expect(codeOf(() => formatCheckpoint({ ...checkpoint, origin: 'a\nb' }))).toBe('TLOG_CHECKPOINT_SYNTAX');
  });

  it('opens for the key of its origin only: a witness’s signature alone does not make it the log’s', () => {
    const witness = newSigner('witness.example', Buffer.alloc(32, 1));
    const text = formatCheckpoint(checkpoint);
    const known = [verifier, parseVerifierKey(witness.verifierKey)];
    expect(openCheckpoint(signNote(text, [signer, witness]), known).verifiedBy).toHaveLength(2);
    expect(codeOf(() => openCheckpoint(signNote(text, [witness]), known))).toBe('TLOG_NOTE_UNVERIFIED');
  });
});

describe('a tlog-proof', () => {
  const note = signNote(formatCheckpoint(checkpoint), [signer]);
  const receipt = { index: 73_894, proof: someLeaves(5), checkpoint: note };

  it('is laid out as the specification’s example', () => {
    const lines = formatTlogProof({ ...receipt, extra: Buffer.from('x') }).split('\n');
    expect(lines.slice(0, 3)).toEqual(['c2sp.org/tlog-proof@v1', 'extra eA==', 'index 73894']);
    expect(lines.slice(3, 8)).toEqual(someLeaves(5).map((hash) => hash.toString('base64')));
    expect(lines.slice(8).join('\n')).toBe(`\n${note}`);
  });

  it('gives back what was put in', () => {
    const extra = fc.option(fc.uint8Array({ maxLength: 60 }), { nil: undefined });
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(53), extra, (index, hashes, some) => {
        const proof = { index, proof: someLeaves(hashes), checkpoint: note, ...(some && { extra: Buffer.from(some) }) };
        const read = parseTlogProof(formatTlogProof(proof));
        expect(isDeepStrictEqual(read, proof)).toBe(true);
      }),
    );
  });

  it.each<[why: string, change: (text: string) => string]>([
    ['another version', (text) => text.replace('@v1', '@v2')],
    ['no index', (text) => text.replace(/index .*\n/, '')],
    ['an index with a leading zero', (text) => text.replace('index 7', 'index 07')],
    ['an index beyond counting', (text) => text.replace('index 7', 'index 99999999999999')],
    ['a hash cut short', (text) => text.replace(/=\n/, '\n')],
    ['no empty line', (text) => text.replaceAll('\n\n', '\n')],
    ['54 hashes', (text) => text.replace(/(index .*\n)/, `$1${`${EMPTY_ROOT.toString('base64')}\n`.repeat(49)}`)],
    ['extra data that is not base64', (text) => text.replace('index', 'extra ?\nindex')],
    ['far too much of it', (text) => text + 'x'.repeat(400_000)],
  ])('is not one with %s', (_, change) => {
    const text = formatTlogProof(receipt);
    expect(change(text)).not.toBe(text);
    expect(codeOf(() => parseTlogProof(change(text)))).toBe('TLOG_PROOF_SYNTAX');
  });

  it('never fails with anything but its own error, whatever the text', () => {
    const parts = ['c2sp.org/tlog-proof@v1', '\n', 'extra ', 'index ', '0', 'AA==', EMPTY_ROOT.toString('base64')];
    const text = fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map((some) => some.join(''));
    fc.assert(
      fc.property(text, (proof) => expect(codeOf(() => parseTlogProof(proof))).toMatch(/^TLOG_PROOF|^nothing/)),
    );
  });
});
