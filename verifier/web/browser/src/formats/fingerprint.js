// A file's SHA-256 and that of its earlier revisions. Source: docs/spec/verification.md 7.

import { hex } from "../bytes.js";
import { sha256 } from "../proofs/hashing.js";

const MAX_REVISIONS = 64;
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

const told = (digest, length, revisions) => ({
  digest: hex(digest),
  length,
  revisions: revisions.filter(([end]) => end < length).slice(0, MAX_REVISIONS).map(([, revision]) => hex(revision)),
});

// Takes bytes as they come and keeps none of them.
export class Fingerprinting {
  #state = sha256.create();
  #length = 0;
  #last = new Uint8Array();
  #revisions = [];

  update(chunk) {
    const seen = new Uint8Array(this.#last.length + chunk.length);
    seen.set(this.#last);
    seen.set(chunk, this.#last.length);
    let taken = 0;
    for (const end of revisionEnds(seen)) {
      const cut = end - this.#last.length;
      if (cut <= taken || this.#revisions.length > MAX_REVISIONS) continue;
      this.#state.update(chunk.subarray(taken, cut));
      taken = cut;
      this.#revisions.push([this.#length + cut, this.#state.clone().digest()]);
    }
    this.#state.update(chunk.subarray(taken));
    this.#length += chunk.length;
    this.#last = seen.slice(1 - LONGEST_END);
  }

  finish() {
    return told(this.#state.clone().digest(), this.#length, this.#revisions);
  }
}

// `progress` is told the share that was read, from 0 to 1.
export const fingerprint = async (file, progress = () => {}) => {
  if (globalThis.crypto?.subtle && file.size <= MAX_BY_THE_BROWSER) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const ends = revisionEnds(bytes).slice(0, MAX_REVISIONS + 1);
    if (ends.reduce((sum, end) => sum + end, bytes.length) <= MAX_BY_THE_BROWSER) {
      const digest = async (end) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.subarray(0, end)));
      const revisions = [];
      for (const end of ends) revisions.push([end, await digest(end)]);
      return told(await digest(bytes.length), bytes.length, revisions);
    }
  }
  const taking = new Fingerprinting();
  const reader = file.stream().getReader();
  let read = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    taking.update(part.value);
    progress((read += part.value.length) / file.size);
  }
  return taking.finish();
};
