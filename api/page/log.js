// The entries of a run that the page holds: all of them, or the last of very many.
//
// This module knows that entries are numbered without a gap. It does not know where they
// come from.

import { Path } from "./path.js";

const MOST_ENTRIES = 50_000;
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** The log of a run, as far as it has come. */
export class Log {
  entries = [];
  path = new Path(); // after the last entry
  #before = new Path(); // after the last entry that is held no more
  #sizes = [];
  #held = 0;

  /** The seq of the first entry that is held. */
  get first() {
    return this.entries.length ? this.entries[0].seq : this.path.seq + 1;
  }

  /** The seq of the last entry; -1: none. */
  get last() {
    return this.path.seq;
  }

  /** Take entries that follow the last one; `characters` is how much text they were. */
  add(entries, characters) {
    const each = characters / entries.length;
    for (const entry of entries) {
      this.path.add(entry);
      this.entries.push(entry);
      this.#sizes.push(each);
    }
    this.#held += characters;
    if (this.entries.length > MOST_ENTRIES || this.#held > MOST_CHARACTERS) this.#forget();
  }

  /** Forget everything: the log begins again. */
  clear() {
    Object.assign(this, { entries: [], path: new Path() });
    this.#before = new Path();
    this.#sizes = [];
    this.#held = 0;
  }

  get(seq) {
    return this.entries[seq - this.first];
  }

  /** The path after the batch of an entry, as the server counts. */
  pathAt(seq) {
    const path = this.#before.copy();
    const until = this.get(seq)?.batch ?? seq;
    for (const entry of this.entries) {
      if (entry.seq > until) break;
      path.add(entry);
    }
    return path;
  }

  /**
   * The seq of the last entry of the batch before that of an entry; -1: it is in the first;
   * null: it is not held.
   */
  batchBefore(seq) {
    const batch = this.get(seq)?.batch;
    if (batch === undefined) return null;
    let before = seq;
    while (before >= this.first && this.get(before).batch === batch) before--;
    return before;
  }

  // Forget more than is needed, so that it is not to be done again at once.
  #forget() {
    let gone = 0;
    while (
      this.entries.length - gone > MOST_ENTRIES * 0.9 ||
      (this.#held > MOST_CHARACTERS * 0.9 && this.entries.length - gone > 1)
    ) {
      this.#before.add(this.entries[gone]);
      this.#held -= this.#sizes[gone];
      gone++;
    }
    this.entries.splice(0, gone);
    this.#sizes.splice(0, gone);
  }
}
