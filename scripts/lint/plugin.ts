/** Valence's own lint rules, loaded by oxlint (.oxlintrc.json). The judgement is in the modules beside this one. */
import { relative, sep } from 'node:path';
import { fileNameProblem } from './file-names.ts';
import { importProblem } from './import-rules.ts';

interface SyntaxNode {
  readonly type: string;
  readonly name?: string;
  readonly value?: unknown;
}

interface ModuleNode extends SyntaxNode {
  readonly source: SyntaxNode | null;
  readonly importKind?: 'type' | 'value';
  readonly exportKind?: 'type' | 'value';
  readonly specifiers?: readonly ImportedName[];
}

interface ImportedName extends SyntaxNode {
  readonly imported?: SyntaxNode;
}

interface MemberNode extends SyntaxNode {
  readonly object: SyntaxNode;
  readonly property: SyntaxNode;
  readonly computed: boolean;
}

interface CallNode extends SyntaxNode {
  readonly callee: SyntaxNode;
  readonly arguments: readonly SyntaxNode[];
}

/** What the rules use of oxlint's rule context. */
interface RuleContext {
  readonly filename: string;
  readonly cwd: string;
  report(this: void, diagnostic: { readonly node: unknown; readonly message: string }): void;
}

type Visitor = Readonly<Record<string, (node: never) => void>>;

interface Rule {
  readonly create: (context: RuleContext) => Visitor;
}

/** Names of node:crypto and its kin that draw randomness. */
const RANDOM_SOURCES: ReadonlySet<string> = new Set([
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'randomUUIDv7',
  'getRandomValues',
  'webcrypto',
]);
const MAY_READ_THE_CLOCK = 'src/core/clock.ts';
const MAY_DRAW_RANDOMNESS = 'src/core/random.ts';

function pathOf(context: RuleContext): string {
  return relative(context.cwd, context.filename).replaceAll(sep, '/');
}

/** DESIGN: who may import whom, and where each package is used. */
const layers: Rule = {
  create(context) {
    const file = pathOf(context);
    const check = (node: SyntaxNode, source: SyntaxNode | null | undefined, typeOnly: boolean): void => {
      if (source === null || source === undefined) return;
      const message =
        typeof source.value === 'string'
          ? importProblem({ file, specifier: source.value, typeOnly })
          : 'what is imported must be written as a string';
      if (message !== null && file.startsWith('src/')) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node: ModuleNode) => check(node, node.source, node.importKind === 'type'),
      ExportNamedDeclaration: (node: ModuleNode) => check(node, node.source, node.exportKind === 'type'),
      ExportAllDeclaration: (node: ModuleNode) => check(node, node.source, node.exportKind === 'type'),
      ImportExpression: (node: ModuleNode) => check(node, node.source, false),
      TSImportType: (node: ModuleNode) => check(node, node.source, true),
    };
  },
};

/** Time and randomness come in as arguments; src/core/clock.ts and src/core/random.ts hold the real ones. */
const determinism: Rule = {
  create(context) {
    const file = pathOf(context);
    const clock = (node: SyntaxNode): void => {
      if (file === MAY_READ_THE_CLOCK) return;
      context.report({ node, message: 'take a Clock (core/clock.ts) instead of reading the time' });
    };
    const random = (node: SyntaxNode): void => {
      if (file === MAY_DRAW_RANDOMNESS) return;
      context.report({ node, message: 'take a Random (core/random.ts) instead of drawing randomness' });
    };
    const isDate = (node: SyntaxNode): boolean => node.type === 'Identifier' && node.name === 'Date';
    return {
      MemberExpression: (node: MemberNode) => {
        const property = node.computed ? node.property.value : node.property.name;
        if (isDate(node.object) && property === 'now') clock(node);
        if (node.object.name === 'Math' && property === 'random') random(node);
        if (typeof property === 'string' && RANDOM_SOURCES.has(property)) random(node);
      },
      NewExpression: (node: CallNode) => {
        if (isDate(node.callee) && node.arguments.length === 0) clock(node);
      },
      CallExpression: (node: CallNode) => {
        if (isDate(node.callee)) clock(node);
      },
      ImportSpecifier: (node: ImportedName) => {
        if (RANDOM_SOURCES.has(node.imported?.name ?? '')) random(node);
      },
    };
  },
};

/** No utils, helpers, common, manager, service or types. */
const fileNames: Rule = {
  create(context) {
    return {
      Program: (node: SyntaxNode) => {
        const message = fileNameProblem(pathOf(context));
        if (message !== null) context.report({ node, message });
      },
    };
  },
};

interface Plugin {
  readonly meta: { readonly name: string };
  readonly rules: Readonly<Record<string, Rule>>;
}

const plugin: Plugin = {
  meta: { name: 'valence' },
  rules: { layers, determinism, 'file-names': fileNames },
};

export default plugin;
