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

/// @notice Random inputs with the answers that service and verifier agree on, from `cache/differential.bin`, which
/// scripts/check_contracts.py writes.
contract DifferentialTest is Fixture {
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

    function testServiceAndVerifierAgreeWithTheContract() public {
        Inputs memory inputs = abi.decode(vm.readFileBinary("cache/differential.bin"), (Inputs));
        require(inputs.hashes.length != 0 && inputs.approvals.length != 0 && inputs.entries.length != 0, "no inputs");
        for (uint256 i = 0; i < inputs.hashes.length; ++i) {
            Hashes memory one = inputs.hashes[i];
            eq(Rfc9162.leafHash(one.data), one.leaf);
            eq(Rfc9162.nodeHash(one.left, one.right), one.node);
        }
        Log log = new Log();
        for (uint256 i = 0; i < inputs.entries.length; ++i) {
            Anchored memory one = inputs.entries[i];
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
            eq(size, i + 1);
            eq(root, one.checkpoint);
        }
        vm.chainId(inputs.chainId);
        vm.etch(inputs.registry, address(registry).code);
        for (uint256 i = 0; i < inputs.approvals.length; ++i) {
            Approval memory one = inputs.approvals[i];
            bytes32 digest = ICertificateRegistry(inputs.registry).approvalDigest(
                one.issuerId, one.sequence, one.root, one.size, one.deadline
            );
            eq(digest, one.digest);
        }
    }
}
