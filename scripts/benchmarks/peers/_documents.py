"""The path of Blockcerts' cert-issuer from documents to proofs: seconds for COUNT proofs.

python _documents.py COUNT
"""

import json
import sys
import time

from cert_issuer.merkle_tree_generator import MerkleTreeGenerator


def main() -> None:
    count = int(sys.argv[1])
    documents = [json.dumps({"id": number, "title": "Pelatihan Dasar"}).encode() for number in range(count)]
    began = time.perf_counter()
    generator = MerkleTreeGenerator()
    generator.populate(documents)
    generator.get_blockchain_data()
    made = sum(1 for _ in generator.get_proof_generator("00" * 32))
    print(json.dumps({"seconds": time.perf_counter() - began}))
    if made != count:
        raise SystemExit("cert-issuer did not give every proof")


if __name__ == "__main__":
    main()
