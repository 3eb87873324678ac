// Leaf, node and tree. Source: docs/spec/leaf-and-tree.md; RFC 9162 2.1.1 and 2.1.3.2.

import { sha256 } from "@noble/hashes/sha2.js";
import { Malformed, concat, unhex, utf8 } from "../bytes.js";

export { sha256 };

export const leaf = (data) => sha256(concat(Uint8Array.of(0), data));

export const interior = (left, right) => sha256(concat(Uint8Array.of(1), left, right));

export const certificateLeaf = (issuerId, documentDigest, metadata) =>
  leaf(concat(Uint8Array.of(1), unhex(issuerId), unhex(documentDigest), sha256(utf8(metadata))));

// The root that a path leads to under a size from the chain. Index and size are numbers or BigInts; hashes are bytes.
export const rootFromPath = (leafHash, leafIndex, treeSize, path) => {
  let fn = BigInt(leafIndex);
  let sn = BigInt(treeSize) - 1n;
  if (sn < 0n || sn >= 2n ** 64n - 1n) throw new Malformed(`tree size ${treeSize} is out of range`);
  if (fn < 0n || fn > sn) throw new Malformed(`leaf index ${leafIndex} lies outside a tree of ${treeSize}`);
  if ([leafHash, ...path].some((node) => node.length !== 32)) throw new Malformed("a hash does not have 32 bytes");
  let root = leafHash;
  for (const node of path) {
    if (sn === 0n) throw new Malformed("the path is too long for this tree");
    if (fn & 1n || fn === sn) {
      root = interior(node, root);
      while (fn && !(fn & 1n)) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      root = interior(root, node);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) throw new Malformed("the path is too short for this tree");
  return root;
};
