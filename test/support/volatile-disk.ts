import { dirname, basename } from 'node:path';
import type { FileStatus, FileSystem, FolderEntry, OpenFile } from '../../src/core/file-system.ts';

interface FileNode {
  readonly kind: 'file';
  readonly id: number;
  bytes: Buffer;
  durable: Buffer;
}

interface FolderNode {
  readonly kind: 'folder';
  readonly id: number;
  readonly names: Map<string, Node>;
  durable: ReadonlyMap<string, Node>;
}

type Node = FileNode | FolderNode;

/** What of the work that was never synced is on the platter after the power cut; asked once for each name and file. */
export interface Luck {
  names(): boolean;
  contents(): boolean;
}

/**
 * A file system in memory that forgets, at a power cut, whatever POSIX lets it forget: file contents that were not
 * synced, and names whose folder was not. It keeps file contents and names apart, since a real one does not order them.
 */
export class VolatileDisk implements FileSystem {
  readonly #root: FolderNode;
  #ids = 1;

  constructor(root?: FolderNode) {
    this.#root = root ?? { kind: 'folder', id: 0, names: new Map(), durable: new Map() };
  }

  /** The disk after the power came back. */
  cut(luck: Luck): VolatileDisk {
    const copies = new Map<Node, Node>();
    const copy = (node: Node): Node => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const copied = node.kind === 'file' ? this.#survivingFile(node, luck) : survivingFolder(node, luck, copy);
      copies.set(node, copied);
      return copied;
    };
    const disk = new VolatileDisk(copy(this.#root) as FolderNode);
    disk.#ids = this.#ids;
    return disk;
  }

  async open(path: string): Promise<OpenFile> {
    const node = this.#find(path);
    if (node.kind === 'folder') throw failure('EISDIR', path);
    return openNode(node);
  }

  async create(path: string): Promise<OpenFile> {
    const node: FileNode = { kind: 'file', id: this.#ids++, bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
    this.#add(path, node);
    return openNode(node);
  }

  async link(existing: string, path: string): Promise<void> {
    this.#add(path, this.#find(existing));
  }

  async rename(from: string, path: string): Promise<void> {
    const node = this.#find(from);
    this.#folder(dirname(path)).names.set(basename(path), node);
    this.#folder(dirname(from)).names.delete(basename(from));
  }

  async remove(path: string): Promise<void> {
    if (!this.#folder(dirname(path)).names.delete(basename(path))) throw failure('ENOENT', path);
  }

  async makeFolder(path: string): Promise<void> {
    this.#add(path, { kind: 'folder', id: this.#ids++, names: new Map(), durable: new Map() });
  }

  async syncFolder(path: string): Promise<void> {
    const folder = this.#folder(path);
    folder.durable = new Map(folder.names);
  }

  async status(path: string): Promise<FileStatus> {
    return statusOf(this.#find(path));
  }

  async realPath(path: string): Promise<string> {
    this.#find(path);
    return path;
  }

  async entries(path: string): Promise<readonly FolderEntry[]> {
    return [...this.#folder(path).names].map(([name, { kind }]) => ({ name, kind }));
  }

  async freeBytes(): Promise<number> {
    return Number.MAX_SAFE_INTEGER;
  }

  #survivingFile(node: FileNode, luck: Luck): FileNode {
    const bytes = luck.contents() ? node.bytes : node.durable;
    return { kind: 'file', id: node.id, bytes: Buffer.from(bytes), durable: Buffer.from(bytes) };
  }

  #find(path: string): Node {
    let node: Node = this.#root;
    for (const segment of path.split('/').filter((part) => part !== '')) {
      const child: Node | undefined = node.kind === 'folder' ? node.names.get(segment) : undefined;
      if (child === undefined) throw failure('ENOENT', path);
      node = child;
    }
    return node;
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path);
    if (node.kind === 'file') throw failure('ENOTDIR', path);
    return node;
  }

  #add(path: string, node: Node): void {
    const { names } = this.#folder(dirname(path));
    if (names.has(basename(path)) || path === '/') throw failure('EEXIST', path);
    names.set(basename(path), node);
  }
}

function survivingFolder(node: FolderNode, luck: Luck, copy: (node: Node) => Node): FolderNode {
  const names = new Map<string, Node>();
  for (const name of new Set([...node.names.keys(), ...node.durable.keys()])) {
    const [now, before] = [node.names.get(name), node.durable.get(name)];
    const survivor = now === before || luck.names() ? now : before;
    if (survivor !== undefined) names.set(name, copy(survivor));
  }
  return { kind: 'folder', id: node.id, names, durable: new Map(names) };
}

function openNode(node: FileNode): OpenFile {
  return {
    status: async () => statusOf(node),
    async read(target, position) {
      return node.bytes.copy(target, 0, position);
    },
    async write(bytes, position) {
      const grown = Buffer.alloc(Math.max(node.bytes.length, position + bytes.length));
      node.bytes.copy(grown);
      grown.set(bytes, position);
      node.bytes = grown;
      return bytes.length;
    },
    async sync() {
      node.durable = Buffer.from(node.bytes);
    },
    close: async () => undefined,
  };
}

function statusOf(node: Node): FileStatus {
  const sizeBytes = node.kind === 'file' ? node.bytes.length : 0;
  return { kind: node.kind, sizeBytes, modifiedAt: 0, identity: String(node.id), device: 'memory' };
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, syscall: 'memory', path });
}
