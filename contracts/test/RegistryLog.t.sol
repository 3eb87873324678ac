// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rfc9162} from "../src/Rfc9162.sol";
import {Log} from "./Differential.t.sol";
import {Fixture} from "./Fixture.sol";
import {Vm} from "./Vm.sol";

/// @notice Inclusion, as a contract that can be called.
contract Proofs {
    function verify(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path, bytes32 root)
        external
        pure
        returns (bool)
    {
        return Rfc9162.verifyInclusion(leaf, index, size, path, root);
    }
}

/// @notice The log against the recursion of RFC 9162, and inclusion proofs against every change of them.
contract RegistryLogTest is Fixture {
    Proofs private proofs = new Proofs();

    function testTheEmptyLog() public {
        (uint64 size, bytes32 root) = new Log().checkpoint();
        eq(size, 0);
        eq(root, sha256(""));
    }

    function testTheFrontierGivesTheRoot() public {
        testTheFrontierGivesTheRoot(70, 0);
    }

    function testTheFrontierGivesTheRoot(uint8 count, bytes32 salt) public {
        count = count % 70 + 1;
        Log log = new Log();
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory entry = abi.encode(salt, i);
            log.append(entry);
            leaves[i] = Rfc9162.leafHash(entry);
        }
        (uint64 size, bytes32 root) = log.checkpoint();
        eq(size, count);
        eq(root, tree(leaves, 0, count));
    }

    function testInclusion() public view {
        for (uint8 index = 0; index < 11; ++index) {
            testInclusion(11, index, 0);
        }
    }

    function testInclusion(uint8 count, uint8 index, uint8 noise) public view {
        count = count % 100 + 1;
        index = index % count;
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode(i, noise));
        }
        bytes32 root = tree(leaves, 0, count);
        bytes32[] memory path = pathOf(leaves, index);
        require(proofs.verify(leaves[index], index, count, path, root), "a right proof");
        require(!proofs.verify(leaves[index], count, count, path, root), "outside");
        require(!proofs.verify(leaves[index], index, 0, path, root), "size zero");
        require(!proofs.verify(bytes32(uint256(1)), index, count, path, root), "another leaf");
        require(!proofs.verify(leaves[index], index, count, path, bytes32(uint256(1))), "another root");
        if (index != 0) require(!proofs.verify(leaves[index], index - 1, count, path, root), "another index");
        bytes32[] memory longer = new bytes32[](path.length + 1);
        bytes32[] memory shorter = new bytes32[](path.length == 0 ? 0 : path.length - 1);
        for (uint256 i = 0; i < path.length; ++i) {
            longer[i] = path[i];
            if (i < shorter.length) shorter[i] = path[i];
        }
        require(!proofs.verify(leaves[index], index, count, longer, root), "too long");
        if (path.length == 0) return;
        require(!proofs.verify(leaves[index], index, count, shorter, root), "too short");
        path[noise % path.length] ^= bytes32(uint256(1));
        require(!proofs.verify(leaves[index], index, count, path, root), "a changed node");
    }

    /// @dev The first two trees of RFC 6962's reference implementation, over "" and 0x00.
    function testPublishedHashes() public pure {
        bytes32 first = Rfc9162.leafHash("");
        eq(first, 0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d);
        bytes32 both = Rfc9162.nodeHash(first, Rfc9162.leafHash(hex"00"));
        eq(both, 0xfac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125);
    }

    /// @dev Under a size of one, the right half of a root is no leaf.
    function testAPathThatIsTooLong(bytes32 left, bytes32 right) public view {
        bytes32[] memory path = new bytes32[](1);
        path[0] = left;
        require(!proofs.verify(right, 0, 1, path, Rfc9162.nodeHash(left, right)), "too long");
    }

    /// @dev A forged "document" of two sibling hashes is no leaf: leaves and nodes have prefixes of their own.
    function testANodeIsNoLeaf(bytes32 left, bytes32 right) public pure {
        require(Rfc9162.leafHash(abi.encode(left, right)) != Rfc9162.nodeHash(left, right), "a node is a leaf");
    }

    /// @dev Events alone give the checkpoint: topics and data of each, in order.
    function testEventsGiveTheCheckpoint() public {
        setUpRecording();
        for (uint64 sequence = 1; sequence <= 9; ++sequence) {
            anchor(KEY, sequence);
        }
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes32[] memory leaves = new bytes32[](logs.length);
        uint256 count;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics.length != 3) continue;
            bytes memory entry = abi.encodePacked(logs[i].topics, logs[i].data);
            leaves[count++] = Rfc9162.leafHash(entry);
        }
        (uint64 size, bytes32 root) = registry.checkpoint();
        eq(size, count);
        eq(root, tree(leaves, 0, count));
    }

    /// @dev Windows and anchors have two indexed parameters, which roles' events have not.
    function setUpRecording() private {
        vm.recordLogs();
        super.setUp();
    }

    function tree(bytes32[] memory leaves, uint256 start, uint256 end) private pure returns (bytes32) {
        if (end - start == 1) return leaves[start];
        uint256 middle = start + split(end - start);
        return Rfc9162.nodeHash(tree(leaves, start, middle), tree(leaves, middle, end));
    }

    function split(uint256 size) private pure returns (uint256 half) {
        half = 1;
        while (half * 2 < size) half *= 2;
    }

    function pathOf(bytes32[] memory leaves, uint256 index) private pure returns (bytes32[] memory path) {
        bytes32[] memory found = new bytes32[](64);
        uint256 count;
        uint256 start = 0;
        uint256 end = leaves.length;
        while (end - start > 1) {
            uint256 middle = start + split(end - start);
            if (index < middle) {
                found[count++] = tree(leaves, middle, end);
                end = middle;
            } else {
                found[count++] = tree(leaves, start, middle);
                start = middle;
            }
        }
        path = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            path[i] = found[count - 1 - i];
        }
    }
}
