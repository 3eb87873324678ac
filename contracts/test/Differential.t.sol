// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICertificateRegistry} from "../src/ICertificateRegistry.sol";
import {RegistryLog} from "../src/RegistryLog.sol";
import {Rfc9162} from "../src/Rfc9162.sol";
import {Fixture} from "./Fixture.sol";

/// @notice The log by itself, over any entries.
contract Log is RegistryLog {
    function append(bytes calldata entry) external {
        _append(entry);
    }

    function checkpoint() external view returns (uint64, bytes32) {
        return _checkpoint();
    }
}

/// @notice Random inputs with the answers that service and verifier agree on, from `cache/differential/`, which
/// scripts/check_contracts.py writes.
contract DifferentialTest is Fixture {
    uint256 private constant PARTS = 50;

    struct Hashes {
        bytes data;
        bytes32 leaf;
        bytes32 left;
        bytes32 right;
        bytes32 node;
    }

    struct Approval {
        bytes32 issuerId;
        uint64 sequence;
        bytes32 root;
        uint64 size;
        uint64 deadline;
        bytes32 digest;
    }

    struct Anchored {
        bytes32 issuerId;
        uint64 sequence;
        bytes32 root;
        uint64 size;
        uint64 window;
        address key;
        address sender;
        uint64 loggedAt;
        uint64 logIndex;
        bytes32 leaf;
        bytes32 checkpoint;
    }

    struct Inputs {
        address registry;
        uint256 chainId;
        Hashes[] hashes;
        Approval[] approvals;
        Anchored[] entries;
    }

    /// @dev One approval of the shared vectors, with every hash and tree of theirs.
    struct Vectors {
        address registry;
        uint256 chainId;
        Hashes[] hashes;
        Tree[] trees;
        Approval[] approvals;
    }

    struct Tree {
        bytes[] entries;
        bytes32 root;
    }

    Log private log = new Log();

    function testServiceAndVerifierAgreeWithTheContract() public {
        uint256 count;
        for (uint256 part = 0; part < PARTS; ++part) {
            count += this.compare(part);
        }
        (uint64 size,) = log.checkpoint();
        require(size == count && count == 10_000, "not all inputs");
    }

    function testTheSharedVectors() public {
        uint256 count = vm.readDir("cache/differential/vectors").length;
        require(count != 0, "no vectors");
        for (uint256 part = 0; part < count; ++part) {
            string memory path = string.concat("cache/differential/vectors/", vm.toString(part));
            Vectors memory vectors = abi.decode(vm.readFileBinary(path), (Vectors));
            compareHashes(vectors.hashes);
            for (uint256 i = 0; i < vectors.trees.length; ++i) {
                Log tree = new Log();
                for (uint256 j = 0; j < vectors.trees[i].entries.length; ++j) {
                    tree.append(vectors.trees[i].entries[j]);
                }
                (, bytes32 root) = tree.checkpoint();
                eq(root, vectors.trees[i].root);
            }
            vm.chainId(vectors.chainId);
            vm.etch(vectors.registry, address(registry).code);
            compareApprovals(ICertificateRegistry(vectors.registry), vectors.approvals);
        }
    }

    /// @dev One file a call: memory costs more the more a call has taken.
    function compare(uint256 part) external returns (uint256) {
        bytes memory data = vm.readFileBinary(string.concat("cache/differential/", vm.toString(part)));
        Inputs memory inputs = abi.decode(data, (Inputs));
        compareHashes(inputs.hashes);
        compareEntries(inputs.entries);
        vm.chainId(inputs.chainId);
        vm.etch(inputs.registry, address(registry).code);
        compareApprovals(ICertificateRegistry(inputs.registry), inputs.approvals);
        eq(inputs.hashes.length, inputs.approvals.length);
        eq(inputs.hashes.length, inputs.entries.length);
        return inputs.hashes.length;
    }

    function compareHashes(Hashes[] memory hashes) private pure {
        for (uint256 i = 0; i < hashes.length; ++i) {
            eq(Rfc9162.leafHash(hashes[i].data), hashes[i].leaf);
            eq(Rfc9162.nodeHash(hashes[i].left, hashes[i].right), hashes[i].node);
        }
    }

    function compareEntries(Anchored[] memory entries) private {
        for (uint256 i = 0; i < entries.length; ++i) {
            Anchored memory one = entries[i];
            bytes memory entry = abi.encode(
                ICertificateRegistry.Anchored.selector,
                one.issuerId,
                one.sequence,
                one.root,
                one.size,
                one.window,
                one.key,
                one.sender,
                one.loggedAt,
                one.logIndex
            );
            eq(Rfc9162.leafHash(entry), one.leaf);
            log.append(entry);
            (uint64 size, bytes32 root) = log.checkpoint();
            eq(size, one.logIndex + 1);
            eq(root, one.checkpoint);
        }
    }

    function compareApprovals(ICertificateRegistry asked, Approval[] memory approvals) private view {
        for (uint256 i = 0; i < approvals.length; ++i) {
            Approval memory one = approvals[i];
            bytes32 digest = asked.approvalDigest(one.issuerId, one.sequence, one.root, one.size, one.deadline);
            eq(digest, one.digest);
        }
    }
}
