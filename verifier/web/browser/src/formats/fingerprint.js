// A file's SHA-256 and that of its earlier forms. Source: docs/spec/verification.md 7.

import { concat, hex, utf8 } from "../bytes.js";
import { sha256 } from "../proofs/hashing.js";

const MAX_REVISIONS = 256;
const LINE_ENDS = ["\n", "\r\n", "\r"];
const HEADER = "%PDF-";
const HEADER_WINDOW = 1024;
const MARKER = [0x25, 0x25, 0x45, 0x4f, 0x46]; // %%EOF
// What ISO 32000-1 calls white space; how much of it ends a revision is the writer's habit.
const WHITE_SPACE = [0x00, 0x09, 0x0a, 0x0c, 0x0d, 0x20];
const MAX_WHITE_SPACE = 8;
const LONGEST_END = MARKER.length + MAX_WHITE_SPACE;
// The browser's own SHA-256 wants a file whole, once for each revision: above this many bytes in all, one pass is better.
const MAX_BY_THE_BROWSER = 64 << 20;

// Where a revision may end in these bytes.
export const revisionEnds = (bytes) => {
  const ends = [];
  for (let at = bytes.indexOf(MARKER[0]); at >= 0; at = bytes.indexOf(MARKER[0], at + 1)) {
    if (!MARKER.every((byte, index) => bytes[at + index] === byte)) continue;
    let end = at + MARKER.length;
    ends.push(end);
    while (end < at + LONGEST_END && WHITE_SPACE.includes(bytes[end])) ends.push((end += 1));
  }
  return ends;
};

// Where the header begins in a file's first bytes; 0 where there is none.
const headerStart = (bytes) => Math.max(0, new TextDecoder("latin1").decode(bytes.subarray(0, HEADER_WINDOW)).indexOf(HEADER));

// `forms` are [start, end, what is missing behind] with their digests: `places` and `revisions` of the same order.
const told = (digest, length, forms) => {
  return { digest: hex(digest), length, revisions: forms.map(([, found]) => hex(found)), places: forms.map(([place]) => place) };
};

// Takes bytes as they come and keeps none of them.
export class FingerprintBuilder {
  #state = sha256.create();
  #length = 0;
  #last = new Uint8Array();
  #revisions = [];
  #front = new Uint8Array();
  #start = null;
  #fromHeader = sha256.create();

  update(chunk) {
    this.#findHeader(chunk);
    const seen = concat(this.#last, chunk);
    let taken = 0;
    for (const end of revisionEnds(seen)) {
      const cut = end - this.#last.length;
      if (cut <= taken || this.#revisions.length > MAX_REVISIONS) continue;
      this.#state.update(chunk.subarray(taken, cut));
      taken = cut;
      this.#revisions.push([[0, this.#length + cut, ""], this.#state.clone().digest()]);
    }
    this.#state.update(chunk.subarray(taken));
    this.#length += chunk.length;
    this.#last = seen.slice(1 - LONGEST_END);
  }

  // Until the window is full, all that came stands in it.
  #findHeader(chunk) {
    if (this.#start === null) {
      const came = concat(this.#front, chunk);
      const at = headerStart(came);
      this.#front = came.slice(0, HEADER_WINDOW);
      if (at > 0) [this.#start, chunk] = [at, came.subarray(at)];
      else if (came.length >= HEADER_WINDOW) this.#start = 0;
    }
    if (this.#start) this.#fromHeader.update(chunk);
  }

  finish() {
    const forms = this.#revisions.filter(([[, end]]) => end < this.#length).slice(0, MAX_REVISIONS);
    for (const end of LINE_ENDS) forms.push([[0, this.#length, end], this.#state.clone().update(utf8(end)).digest()]);
    if (this.#start) forms.push([[this.#start, this.#length, ""], this.#fromHeader.clone().digest()]);
    return told(this.#state.clone().digest(), this.#length, forms);
  }
}

// `progress` is told the share that was read, from 0 to 1.
export const fingerprint = async (file, progress = () => {}) => {
  if (globalThis.crypto?.subtle && file.size <= MAX_BY_THE_BROWSER) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const places = revisionEnds(bytes)
      .filter((end) => end < bytes.length)
      .slice(0, MAX_REVISIONS)
      .map((end) => [0, end, ""]);
    for (const end of LINE_ENDS) places.push([0, bytes.length, end]);
    const start = headerStart(bytes);
    if (start) places.push([start, bytes.length, ""]);
    if (places.reduce((sum, [begin, end]) => sum + end - begin, bytes.length) <= MAX_BY_THE_BROWSER) {
      const digest = async ([begin, end, behind]) => {
        const part = bytes.subarray(begin, end);
        return new Uint8Array(await crypto.subtle.digest("SHA-256", behind ? concat(part, utf8(behind)) : part));
      };
      const forms = [];
      for (const place of places) forms.push([place, await digest(place)]);
      return told(await digest([0, bytes.length, ""]), bytes.length, forms);
    }
  }
  const taking = new FingerprintBuilder();
  const reader = file.stream().getReader();
  let read = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    taking.update(part.value);
    progress((read += part.value.length) / file.size);
  }
  return taking.finish();
};
