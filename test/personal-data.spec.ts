/**
 * No field that names a person is forgotten: every text in every event of every catalogue is either sealed, as the first table
 * of docs/personal-data.md says, or stands in its second table with the reason why it is not.
 */
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { exchangeEvents, lockoutEvents } from '#authentication';
import { directoryEvents } from '#directory';
import type { EventDefinition, PersonalField } from '#event-store';
import { operationEvents } from '#operations';

const page = readFileSync(new URL('../docs/personal-data.md', import.meta.url), 'utf8');
const definitions: readonly EventDefinition[] = [
  ...Object.values(directoryEvents),
  ...Object.values(exchangeEvents),
  ...Object.values(lockoutEvents),
  ...Object.values(operationEvents),
];

type Schema = {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
};

/** Paths of free texts; a choice of fixed words is no text. */
function textsOf(schema: Schema, path = ''): string[] {
  if (schema.enum || schema.const !== undefined) return [];
  if ([schema.type].flat().includes('string')) return [path];
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, of]) =>
    textsOf(of, path === '' ? name : `${path}.${name}`),
  );
  const parts = [...(schema.items ? [schema.items] : []), ...(schema.anyOf ?? [])];
  return [...below, ...parts.flatMap((part) => textsOf(part, path))];
}

function whose({ of, observedOnly, unlessService, endpoint }: PersonalField): string {
  const subject = of.map((field) => (field === 'self' ? 'itself' : `\`${field}\``)).join(', else ');
  const notes = [
    observedOnly ? 'observed events only' : '',
    unlessService ? 'unless it has a "/"' : '',
    endpoint ? 'the port stays' : '',
  ];
  return [subject, ...notes.filter(Boolean)].join('; ');
}

/** Rows of the table under a heading, without its head. */
function tableUnder(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0];
  if (section === undefined) throw new Error(`docs/personal-data.md has no section "${heading}"`);
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => line.split(' | ').map((cell) => cell.replace(/^\| *| *\|$/g, '').trim()));
}

const texts = definitions.flatMap(({ type, schema }) =>
  [...new Set(textsOf(z.toJSONSchema(schema) as Schema))].map((path) => ({ type, path })),
);

describe('docs/personal-data.md', () => {
  it('tells every personal field, and whose it is', () => {
    const sealed = definitions.flatMap(({ type, personal }) =>
      Object.entries(personal).map(([path, field]) => [type, `\`${path}\``, whose(field)]),
    );
    expect(tableUnder('What is sealed').map((row) => row.join(' | '))).toEqual(
      [['every observed event', '`actor` of the metadata', 'itself'], ...sealed].map((row) => row.join(' | ')),
    );
  });

  it('tells of every other text why it is not personal', () => {
    const reasons = new Map(
      tableUnder('What is not').flatMap(([fields = '', reason = '']) =>
        [...fields.matchAll(/`([^`]+)`/g)].map(([, field]) => [field!, reason] as const),
      ),
    );
    const open = texts.filter(({ type, path }) => !(path in definitions.find((each) => each.type === type)!.personal));
    const unexplained = open.filter(({ type, path }) => !reasons.has(`${type}.${path}`) && !reasons.has(path));
    expect(unexplained.map(({ type, path }) => `${type}.${path}`)).toEqual([]);
    const used = new Set(open.flatMap(({ type, path }) => [`${type}.${path}`, path]));
    expect([...reasons.keys()].filter((field) => !used.has(field))).toEqual([]);
  });

  it('marks only fields that there are', () => {
    const marked = definitions.flatMap(({ type, personal }) => Object.keys(personal).map((path) => `${type}.${path}`));
    const known = new Set(texts.map(({ type, path }) => `${type}.${path}`));
    expect(marked.filter((field) => !known.has(field))).toEqual([]);
    const subjects = definitions.flatMap(({ type, personal }) =>
      Object.values(personal).flatMap(({ of }) =>
        of.filter((field) => field !== 'self').map((field) => `${type}.${field}`),
      ),
    );
    expect(subjects.filter((field) => !known.has(field))).toEqual([]);
  });
});
