// One peer of scripts/benchmarks/tree.py: seconds for the tree, seconds for a path of every leaf, MiB grown meanwhile.
//
//     node tree.mjs NAME LEAVES

import { createHash, randomBytes } from "node:crypto";

const [name, count] = [process.argv[2], Number(process.argv[3])];
const sha256 = (data) => createHash("sha256").update(data).digest();
const resident = () => process.memoryUsage().rss / 2 ** 20;

async function subject() {
  if (name === "@openzeppelin/merkle-tree") {
    const { SimpleMerkleTree } = await import("@openzeppelin/merkle-tree");
    return {
      own: (leaf) => "0x" + leaf.toString("hex"),
      build: (leaves) => SimpleMerkleTree.of(leaves, { sortLeaves: false }),
      path: (tree, index) => tree.getProof(index),
    };
  }
  const { MerkleTree } = await import("merkletreejs");
  return {
    own: (leaf) => leaf,
    build: (leaves) => new MerkleTree(leaves, sha256),
    path: (tree, index, leaves) => tree.getProof(leaves[index], index),
  };
}

const { own, build, path } = await subject();
const leaves = Array.from({ length: count }, () => own(randomBytes(32)));
const before = resident();
const began = performance.now();
const tree = build(leaves);
const built = performance.now();
const grown = resident() - before;
let made = 0;
for (let index = 0; index < count; index++) made += path(tree, index, leaves).length > 0 ? 1 : 0;
if (made !== count) throw new Error(`${name} did not give a path for every leaf`);
const seconds = (milliseconds) => milliseconds / 1000;
console.log(JSON.stringify({ tree: seconds(built - began), paths: seconds(performance.now() - built), grown }));
