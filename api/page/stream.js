// The live stream of a run: every entry once, in order, however often the connection drops.
//
// This module knows the WebSocket and its close codes. It does not know what entries say.

import { read } from "./exact.js";

const PATIENCE = [300, 600, 1200, 2500, 5000, 10_000]; // ms before each further attempt
const BEHIND = 4408; // the one code of a refusal after which coming back helps

/** Follows a run from its first entry to its end, or until it is closed. */
export class Stream {
  #socket = null;
  #failures = 0;
  #timer = 0;
  #epoch = null;
  #last = -1;
  #address;
  #told;

  /**
   * `told.entries(entries, characters)`, `told.frame(frame)`, `told.state({word, why, at})`
   * with the words connecting, live, waiting (until `at`), over, lost; `told.again()`: what
   * was told so far is void, and everything comes once more.
   */
  constructor(runId, told) {
    this.#address = `/api/v1/ws/workflow/${encodeURIComponent(runId)}`;
    this.#told = told;
  }

  open() {
    clearTimeout(this.#timer);
    const url = new URL(this.#address, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = `?after=${this.#last}&batch=1`;
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#told.state({ word: "connecting" });
    socket.onmessage = ({ data }) => socket === this.#socket && this.#take(data);
    socket.onclose = (event) => socket === this.#socket && this.#closed(event);
  }

  /** Come back at once, if it is waiting to. */
  hurry() {
    if (this.#socket === null && this.#timer) this.open();
  }

  close() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  // A frame is one entry, or several, each on a line.
  #take(text) {
    const fresh = [];
    for (const item of text.split("\n").map(read)) {
      if (item.type === "stream.opened") this.#opened(item);
      else if (item.ephemeral) this.#told.frame(item);
      else if (item.seq === this.#last + 1) {
        fresh.push(item);
        this.#last = item.seq;
      } else if (item.seq > this.#last) this.#drop(); // a hole: it is asked for again
      if (!this.#socket) break;
    }
    if (fresh.length) this.#told.entries(fresh, text.length);
  }

  #opened({ epoch }) {
    this.#failures = 0;
    if (this.#epoch !== null && this.#epoch !== epoch) {
      this.#epoch = epoch; // the server took back entries that were sent
      this.#last = -1;
      this.#told.again();
      this.#drop();
      return;
    }
    this.#epoch = epoch;
    this.#told.state({ word: "live" });
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket.close();
    this.#later("the stream had a hole");
  }

  #closed({ code, reason }) {
    this.#socket = null;
    if (code === 1000) this.#told.state({ word: "over" });
    else if (code >= 4400 && code < 4500 && code !== BEHIND)
      this.#told.state({ word: "lost", why: reason });
    else this.#later(code === 1012 ? "the server stops" : "the connection was lost");
  }

  #later(why) {
    const wait = PATIENCE[Math.min(this.#failures, PATIENCE.length - 1)];
    this.#failures += 1;
    this.#timer = setTimeout(() => this.open(), wait);
    this.#told.state({ word: "waiting", why, at: Date.now() + wait });
  }
}
