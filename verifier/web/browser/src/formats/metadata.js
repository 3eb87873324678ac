// Metadata v1 and profile v1. Source: docs/spec/metadata.md; docs/spec/registry.md 3.

import { Malformed } from "../bytes.js";
import { normalise } from "./certificate_code.js";
import { readCanonical } from "./strictjson.js";

const MAX_METADATA_BYTES = 4096;
const MAX_PROFILE_BYTES = 1024;
const HIDDEN = /[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/;
const REQUIRED = ["nonce", "kind", "number", "issued_on"];

const matches = (pattern) => (value) => typeof value === "string" && pattern.test(value);

const visible = (limit) => (value) =>
  typeof value === "string" &&
  value !== "" &&
  [...value].length <= limit &&
  value === value.trim() &&
  !HIDDEN.test(value) &&
  !/[\p{Cc}\p{Cs}]/u.test(value) &&
  value.normalize("NFC") === value;

const instant = (value) =>
  matches(/^(?!0000)\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/)(value) &&
  // A calendar that lacks the day answers with another one, or with null.
  new Date(value).toJSON() === value.replace("Z", ".000Z");
const day = (value) => typeof value === "string" && instant(`${value}T00:00:00Z`);

const HOLDS = {
  nonce: matches(/^[0-9a-f]{32}$/),
  kind: matches(/^[a-z][a-z0-9-]{0,31}$/),
  number: visible(128),
  issued_on: day,
  code: (value) => typeof value === "string" && normalise(value) === value,
  title: visible(300),
  jp: (value) => Number.isInteger(value) && value >= 1 && value <= 10_000,
  grade: visible(100),
  starts_on: day,
  ends_on: day,
  valid_until: instant,
  supersedes: matches(/^[0-9a-f]{64}$/),
};

export const parseMetadata = (text) => {
  const fields = readCanonical(text, "metadata", MAX_METADATA_BYTES);
  for (const name of REQUIRED) if (!Object.hasOwn(fields, name)) throw new Malformed(`metadata lacks '${name}'`);
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(HOLDS, name)) throw new Malformed(`metadata has an unknown field '${name}'`);
    if (!HOLDS[name](value)) throw new Malformed(`metadata field '${name}' does not hold what it must`);
  }
  if (fields.starts_on > fields.ends_on) throw new Malformed("metadata field 'ends_on' lies before 'starts_on'");
  return fields;
};

export const parseProfile = (text) => {
  const fields = readCanonical(text, "profile", MAX_PROFILE_BYTES);
  if (Object.keys(fields).join() !== "code,name") throw new Malformed("a profile has a code and a name");
  if (!matches(/^[A-Z0-9][A-Z0-9.-]{0,31}$/)(fields.code)) throw new Malformed("the profile's code is not a legal code");
  if (!visible(200)(fields.name))
    throw new Malformed("the profile's name is not a visible text of at most 200 characters");
  return fields;
};
