/**
 * What the demo remembers in the data folder (demo.json, mode 0600), so that running it again does the same and adds nothing: a
 * seed from which the ids of its requests are made, the passwords of its accounts, and its tokens.
 */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Folder, readPrivateFile, writePrivateFile, writePrivateText } from '../folder.js';

type Token = { readonly token: string; readonly text: string };

type Content = {
  readonly seed: string;
  readonly passwords: Readonly<Record<string, string>>;
  readonly tokens: Readonly<Record<string, Token>>;
};

export class DemoFile {
  private content: Content;

  constructor(private readonly folder: Folder) {
    this.content = readPrivateFile<Content>(folder.demoFile) ?? { seed: secret(), passwords: {}, tokens: {} };
    this.save({});
  }

  /** The same request in every run: the server does it once and gives its first answer again. */
  requestId(what: string): string {
    const hex = createHash('sha256').update(`${this.content.seed}\n${what}`).digest('hex');
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `8${hex.slice(13, 16)}`,
      `8${hex.slice(17, 20)}`,
      hex.slice(20, 32),
    ].join('-');
  }

  password(account: string): string {
    const known = this.content.passwords[account] ?? secret();
    this.save({ passwords: { ...this.content.passwords, [account]: known } });
    return known;
  }

  token(name: string): Token | undefined {
    return this.content.tokens[name];
  }

  keepToken(name: string, token: Token): void {
    this.save({ tokens: { ...this.content.tokens, [name]: token } });
  }

  /** For a person to use with --token-file or --password-stdin. Gives the path. */
  writeText(name: string, text: string): string {
    const path = join(this.folder.path, name);
    writePrivateText(path, `${text}\n`);
    return path;
  }

  private save(change: Partial<Content>): void {
    this.content = { ...this.content, ...change };
    writePrivateFile(this.folder, this.folder.demoFile, this.content);
  }
}

function secret(): string {
  return randomBytes(18).toString('base64url');
}
