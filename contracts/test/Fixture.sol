// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CertificateRegistry} from "../src/CertificateRegistry.sol";
import {ICertificateRegistry} from "../src/ICertificateRegistry.sol";
import {Rfc9162} from "../src/Rfc9162.sol";
import {Vm} from "./Vm.sol";

/// @notice A registry with its actors, each with an account of its own, and one accredited issuer.
abstract contract Stage {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint48 internal constant ADMIN_DELAY = 3 days;
    uint64 internal constant START = 1_790_000_000;
    uint64 internal constant FOREVER = type(uint64).max;
    bytes32 internal constant ISSUER = bytes32(uint256(0xA));
    bytes32 internal constant OTHER = bytes32(uint256(0xB));
    bytes32 internal constant PROFILE = bytes32(uint256(0xF));
    bytes32 internal constant ROOT = bytes32(uint256(0x1234));
    bytes32 internal constant LEAF = bytes32(uint256(0x5678));
    uint8 internal constant ANCHOR = 1;
    uint8 internal constant STATUS = 2;
    uint8 internal constant CLOSE = 4;
    uint256 internal constant KEY_SECRET = 0xC0FFEE;

    address internal constant ADMIN = address(0xAD01);
    address internal constant ACCREDITOR = address(0xAC01);
    address internal constant REGULATOR = address(0x4E01);
    address internal constant PAUSER = address(0x9A01);
    address internal constant STRANGER = address(0x5701);
    address internal constant SECOND_KEY = address(0x4E79);
    address internal constant OTHERS_KEY = address(0x07E9);
    address internal KEY;

    CertificateRegistry internal registry;

    function begin() internal {
        vm.warp(START);
        vm.roll(100);
        KEY = vm.addr(KEY_SECRET);
        registry = new CertificateRegistry(ADMIN_DELAY, ADMIN);
        grant(registry.ACCREDITOR_ROLE(), ACCREDITOR);
        grant(registry.REGULATOR_ROLE(), REGULATOR);
        grant(registry.PAUSER_ROLE(), PAUSER);
        openWindow(ISSUER, 0, FOREVER);
        addKey(ISSUER, KEY, ANCHOR | STATUS);
    }

    function grant(bytes32 role, address account) internal {
        vm.prank(ADMIN);
        registry.grantRole(role, account);
    }

    function openWindow(bytes32 issuer, uint64 from, uint64 until) internal returns (uint64) {
        vm.prank(ACCREDITOR);
        return registry.openWindow(issuer, from, until, 1, PROFILE);
    }

    function closeWindow(bytes32 issuer, uint64 window, uint64 until) internal {
        vm.prank(ACCREDITOR);
        registry.closeWindow(issuer, window, until);
    }

    function addKey(bytes32 issuer, address key, uint8 purposes) internal {
        vm.prank(ACCREDITOR);
        registry.addKey(issuer, key, purposes, ICertificateRegistry.Custody.Institute);
    }

    function retireKey(bytes32 issuer, address key) internal {
        vm.prank(ACCREDITOR);
        registry.retireKey(issuer, key);
    }

    function declareCompromise(address key, uint64 since) internal {
        vm.prank(ACCREDITOR);
        registry.declareCompromise(ISSUER, key, since);
    }

    /// @dev Anchors with a root of its own for each sequence number.
    function anchor(address key, uint64 sequence) internal {
        anchor(ISSUER, key, sequence, rootOf(sequence), 3);
    }

    function anchor(bytes32 issuer, address key, uint64 sequence, bytes32 root, uint64 size) internal {
        vm.prank(key);
        registry.anchor(issuer, sequence, root, size);
    }

    function rootOf(uint64 sequence) internal pure returns (bytes32) {
        return keccak256(abi.encode("root", sequence));
    }

    function reattest(address key, uint64 sequence) internal {
        ICertificateRegistry.AnchorReference[] memory given = references(sequence, rootOf(sequence));
        vm.prank(key);
        registry.reattest(ISSUER, given);
    }

    function references(uint64 sequence, bytes32 root)
        internal
        pure
        returns (ICertificateRegistry.AnchorReference[] memory found)
    {
        found = new ICertificateRegistry.AnchorReference[](1);
        found[0] = ICertificateRegistry.AnchorReference({sequence: sequence, root: root});
    }

    function setStatus(address writer, bytes32 leaf, ICertificateRegistry.Status status) internal {
        bytes32[] memory leaves = only(leaf);
        vm.prank(writer);
        registry.setStatus(ISSUER, leaves, status, 4, false);
    }

    function only(bytes32 leaf) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](1);
        leaves[0] = leaf;
    }

    /// @dev Anchors a batch of two leaves and returns the reference that proves the first.
    function anchorPair(address key, bytes32 leaf, uint64 sequence)
        internal
        returns (ICertificateRegistry.LeafReference memory)
    {
        bytes32 neighbour = keccak256(abi.encode(leaf));
        anchor(ISSUER, key, sequence, Rfc9162.nodeHash(leaf, neighbour), 2);
        return ICertificateRegistry.LeafReference(leaf, sequence, 0, only(neighbour));
    }

    function supersede(address writer, bytes32 leaf, ICertificateRegistry.LeafReference memory successor) internal {
        vm.prank(writer);
        registry.supersede(ISSUER, leaf, 5, false, successor);
    }

    function statusOf(bytes32 leaf) internal view returns (ICertificateRegistry.Status) {
        return registry.statusOf(ISSUER, leaf).status;
    }

    function travel(uint64 seconds_) internal {
        vm.warp(block.timestamp + seconds_);
        vm.roll(block.number + 1);
    }

    function time() internal view returns (uint64) {
        return uint64(block.timestamp);
    }

    function expectRevert(bytes memory data) internal {
        vm.expectRevert(data);
    }

    function eq(uint256 left, uint256 right) internal pure {
        require(left == right, "numbers differ");
    }

    function eq(bytes32 left, bytes32 right) internal pure {
        require(left == right, "words differ");
    }

    function eq(address left, address right) internal pure {
        require(left == right, "addresses differ");
    }

    function eq(ICertificateRegistry.Status left, ICertificateRegistry.Status right) internal pure {
        require(left == right, "statuses differ");
    }
}

/// @notice A stage that every test finds anew.
abstract contract Fixture is Stage {
    function setUp() public virtual {
        begin();
    }
}
