// A file's SHA-256 and that of its earlier forms. Source: docs/spec/verification.md 7.

import { concat, hex, utf8 } from "../bytes.js";
import { sha256 } from "../proofs/hashing.js";

const MAX_REVISIONS = 256;
// What may have been cut off behind a file that does not end with the first of them.
const LINE_ENDS = ["\n", "\r\n", "\r"];
const LF = 10;
const HEADER_WINDOW = 1024;
// A revision ends with this marker and white space; how much is the writer's habit, so each length is tried.
const END = /%%EOF[\0\t\n\f\r ]{0,8}/g;
const MARKER_BYTES = 5;
const LONGEST_END = 13;

// A letter for each byte.
const letters = (bytes) => new TextDecoder("latin1").decode(bytes);

// {digest, length, revisions, places}; `progress` is told the share that was read, from 0 to 1.
export const fingerprint = async (file, progress = () => {}) => {
  const state = sha256.create();
  const forms = [];
  let length = 0;
  let last = new Uint8Array();
  const stream = file.stream().getReader();
  for (let part = await stream.read(); !part.done; part = await stream.read()) {
    const chunk = part.value;
    const seen = concat(last, chunk);
    let taken = 0;
    for (const { 0: match, index } of letters(seen).matchAll(END))
      for (let end = index + MARKER_BYTES; end <= index + match.length; end += 1) {
        const cut = end - last.length;
        if (cut <= taken || forms.length >= MAX_REVISIONS || length + cut === file.size) continue;
        state.update(chunk.subarray(taken, cut));
        taken = cut;
        forms.push([state.clone(), 0, length + cut, ""]);
      }
    state.update(chunk.subarray(taken));
    length += chunk.length;
    last = seen.slice(1 - LONGEST_END);
    progress(length / file.size);
  }
  if (last.at(-1) !== LF)
    for (const behind of LINE_ENDS) forms.push([state.clone().update(utf8(behind)), 0, length, behind]);
  const start = letters(await file.slice(0, HEADER_WINDOW).arrayBuffer()).indexOf("%PDF-");
  const revisions = forms.map(([found]) => hex(found.digest()));
  const places = forms.map(([, ...place]) => place);
  if (start > 0) {
    revisions.push((await fingerprint(file.slice(start))).digest);
    places.push([start, length, ""]);
  }
  return { digest: hex(state.digest()), length, revisions, places };
};
