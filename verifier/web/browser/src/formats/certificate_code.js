// Certificate codes. Source: docs/spec/metadata.md 4 (ISO 7064 hybrid MOD 33,32).

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// The code as recorded, from what a person typed; null when it was mistyped.
export const normalise = (typed) => {
  const code = typed.toUpperCase().replace(/[ -]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  const values = Array.from(code, (character) => ALPHABET.indexOf(character));
  if (values.length !== 12 || values.includes(-1)) return null;
  const product = values.slice(0, -1).reduce((product, value) => (((product + value) % 32 || 32) * 2) % 33, 32);
  return (product + values[11]) % 32 === 1 ? code : null;
};
