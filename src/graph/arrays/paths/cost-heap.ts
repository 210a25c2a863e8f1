/** A binary heap of numbers (Williams 1964) in typed arrays: least key first, of equal keys the least second key. */
export class CostHeap {
  #keys = new Float64Array(CAPACITY_FIRST);
  #seconds = new Float64Array(CAPACITY_FIRST);
  #items = new Int32Array(CAPACITY_FIRST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `Infinity` when it is empty. */
  get leastKey(): number {
    return this.#size === 0 ? Infinity : this.#keys[0]!;
  }

  clear(): void {
    this.#size = 0;
  }

  push(item: number, key: number, second = 0): void {
    if (this.#size === this.#items.length) this.#grow();
    let at = this.#size;
    this.#size += 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(key, second, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, item, key, second);
  }

  /** Takes the first item out. There must be one. */
  pop(): number {
    const first = this.#items[0]!;
    this.#size -= 1;
    const size = this.#size;
    if (size === 0) return first;
    const [item, key, second] = [this.#items[size]!, this.#keys[size]!, this.#seconds[size]!];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#before(this.#keys[child + 1]!, this.#seconds[child + 1]!, child)) child += 1;
      if (this.#before(key, second, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#set(at, item, key, second);
    return first;
  }

  /** What is in it, in no order. */
  items(): Int32Array {
    return this.#items.subarray(0, this.#size);
  }

  #before(key: number, second: number, other: number): boolean {
    const otherKey = this.#keys[other]!;
    return key < otherKey || (key === otherKey && second < this.#seconds[other]!);
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#items[from]!, this.#keys[from]!, this.#seconds[from]!);
  }

  #set(at: number, item: number, key: number, second: number): void {
    this.#items[at] = item;
    this.#keys[at] = key;
    this.#seconds[at] = second;
  }

  #grow(): void {
    const capacity = this.#items.length * 2;
    this.#items = new Int32Array(this.#items.buffer.transfer(capacity * 4));
    this.#keys = new Float64Array(this.#keys.buffer.transfer(capacity * 8));
    this.#seconds = new Float64Array(this.#seconds.buffer.transfer(capacity * 8));
  }
}

const CAPACITY_FIRST = 1024;
