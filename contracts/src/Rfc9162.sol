// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title RFC 9162 hashing and inclusion, over the SHA-256 precompile
library Rfc9162 {
    /// @notice SHA-256(0x00 || data). Source: RFC 9162 2.1.1.
    function leafHash(bytes memory data) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"00", data));
    }

    /// @notice SHA-256(0x01 || left || right). Source: RFC 9162 2.1.1.
    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"01", left, right));
    }

    /// @notice Whether `path` leads from a leaf hash at `index` to `root` under `size`. Source: RFC 9162 2.1.3.2.
    function verifyInclusion(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path, bytes32 root)
        internal
        pure
        returns (bool)
    {
        if (index >= size) return false;
        uint64 fn = index;
        uint64 sn = size - 1;
        bytes32 hash = leaf;
        for (uint256 i = 0; i < path.length; ++i) {
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                hash = nodeHash(path[i], hash);
                while (fn != 0 && fn & 1 == 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                hash = nodeHash(hash, path[i]);
            }
            fn >>= 1;
            sn >>= 1;
        }
        return sn == 0 && hash == root;
    }
}
