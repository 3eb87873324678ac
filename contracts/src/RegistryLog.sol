// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rfc9162} from "./Rfc9162.sol";

/// @title One RFC 9162 log, kept by its frontier
/// @notice `_frontier[level]` is the root of the perfect subtree of 2^level leaves that the log's size has a bit for.
abstract contract RegistryLog {
    bytes32 private constant EMPTY_ROOT = sha256("");

    uint64 private _logSize;
    bytes32[64] private _frontier;

    /// @dev The index that the next entry gets; an event carries it before the entry is appended.
    function _nextLogIndex() internal view returns (uint64) {
        return _logSize;
    }

    /// @dev Appends an entry. The loop ends at the lowest zero bit of the size: below 64 rounds, two on average.
    /// The caller encodes the event's selector and its parameters in order. That equals the topics and the data that a
    /// node returns, which is what a verifier hashes, only while an event's indexed parameters come first and all of
    /// its types are static: docs/spec/log.md 1 and 2, held by tests/conformance/test_agreement.py.
    function _append(bytes memory entry) internal {
        bytes32 hash = Rfc9162.leafHash(entry);
        uint64 size = _logSize;
        uint256 level = 0;
        while ((size >> level) & 1 == 1) {
            hash = Rfc9162.nodeHash(_frontier[level], hash);
            ++level;
        }
        _frontier[level] = hash;
        _logSize = size + 1;
    }

    /// @dev Size and root: the subtrees of the frontier, joined from the smallest up.
    function _checkpoint() internal view returns (uint64 size, bytes32 root) {
        size = _logSize;
        if (size == 0) return (0, EMPTY_ROOT);
        bool begun = false;
        for (uint256 level = 0; level < 64; ++level) {
            if ((size >> level) & 1 == 0) continue;
            root = begun ? Rfc9162.nodeHash(_frontier[level], root) : _frontier[level];
            begun = true;
        }
    }
}
