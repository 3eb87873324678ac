// One strict JSON reader: unique keys, no floats, bounded depth and size. Source: docs/spec/receipt.md 1.

import { Malformed, utf8 } from "../bytes.js";

const MAX_DEPTH = 8;
const MAX_INTEGER_DIGITS = 20;
// A string ends at its quote or with the text: what begins with a quote always matches, so that no letter is looked at
// from two beginnings.
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"?|[{}[\]:]|-?\d[\d.eE+-]*/gs;

// Refuses what JSON.parse lets pass; what is no JSON at all is left to it.
const inspect = (text, what) => {
  const open = [];
  let word = null;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : null);
      if (open.length > MAX_DEPTH) throw new Malformed(`${what} is nested more than ${MAX_DEPTH} deep`);
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === ":") {
      const keys = open.at(-1);
      const key = word === null ? null : JSON.parse(word);
      if (keys?.has(key)) throw new Malformed(`${what}: key '${key}' stands twice`);
      keys?.add(key);
    } else if (token[0] !== '"' && !/^-?\d+$/.test(token)) {
      throw new Malformed(`${what}: ${token} is not an integer`);
    } else if (token[0] !== '"' && token.length > MAX_INTEGER_DIGITS) {
      throw new Malformed(`${what}: an integer is too long`);
    }
    word = token[0] === '"' ? token : null;
  }
};

export const read = (text, what, maxBytes) => {
  if (utf8(text).length > maxBytes) throw new Malformed(`${what} has more than ${maxBytes} bytes`);
  try {
    inspect(text, what);
    return JSON.parse(text);
  } catch (error) {
    throw error instanceof Malformed ? error : new Malformed(`${what} is not JSON: ${error.message}`);
  }
};

// RFC 8785 text of objects with ASCII keys, strings, and integers below 2^53.
export const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
};

// The object of a text that is equal to its canonical form.
export const readCanonical = (text, what, maxBytes) => {
  const value = read(text, what, maxBytes);
  if (!isObject(value)) throw new Malformed(`${what} is not a JSON object`);
  if (canonical(value) !== text) throw new Malformed(`${what} is not in canonical form (RFC 8785)`);
  return value;
};

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
