// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CertificateRegistry} from "../src/CertificateRegistry.sol";
import {ICertificateRegistry} from "../src/ICertificateRegistry.sol";
import {Vm} from "./Vm.sol";

/// @notice What halmos shows for all arguments and all callers. forge does not run these: their names begin with check.
/// @dev `what` picks the act. Batches hold one item, signatures are empty.
contract SymbolicTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address private constant ADMIN = address(0xAD01);
    address private constant HEIR = address(0xAD02);
    address private constant ACCREDITOR = address(0xAC01);
    address private constant REGULATOR = address(0x4E01);
    address private constant KEY = address(0x4E79);
    address private constant B_KEY = address(0xB4E79);
    ICertificateRegistry.Status private constant REVOKED = ICertificateRegistry.Status.Revoked;
    bytes32 private constant B = bytes32(uint256(0xB));
    bytes32 private constant LEAF = bytes32(uint256(0x5678));
    bytes32 private constant HELD = bytes32(uint256(0x9999));
    bytes32 private constant OWN = bytes32(uint256(0x7777));
    bytes32 private constant ROOT = bytes32(uint256(0x1234));

    CertificateRegistry private registry;

    struct Act {
        uint8 what;
        address caller;
        bytes32 issuer;
        address account;
        uint64 number;
        uint64 other;
        bytes32 word;
        bytes32 second;
        uint8 small;
        bool flag;
    }

    function setUp() public {
        vm.warp(1_790_000_000);
        registry = new CertificateRegistry(3 days, ADMIN);
        vm.prank(ADMIN);
        registry.grantRole(keccak256("ACCREDITOR_ROLE"), ACCREDITOR);
        vm.prank(ADMIN);
        registry.grantRole(keccak256("REGULATOR_ROLE"), REGULATOR);
        vm.prank(ACCREDITOR);
        registry.openWindow(B, 0, type(uint64).max, 1, ROOT);
        vm.prank(ACCREDITOR);
        registry.addKey(B, B_KEY, 7, ICertificateRegistry.Custody.Institute);
        vm.prank(B_KEY);
        registry.anchor(B, 1, ROOT, 3);
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = LEAF;
        vm.prank(REGULATOR);
        registry.setStatus(B, leaves, ICertificateRegistry.Status.Revoked, 4, false);
        leaves[0] = OWN;
        vm.prank(B_KEY);
        registry.setStatus(B, leaves, ICertificateRegistry.Status.Revoked, 4, false);
        leaves[0] = HELD;
        vm.prank(REGULATOR);
        registry.setStatus(B, leaves, ICertificateRegistry.Status.Suspended, 3, false);
        vm.prank(ADMIN);
        registry.beginDefaultAdminTransfer(HEIR);
        vm.warp(1_790_000_100);
    }

    /// @notice 2 and 6: an anchor is written once, and a regulator's revocation never leaves, whoever does what, whoever
    /// is named. Unless it is the compromise of the very key that wrote it, an issuer's revocation stays too; unless it is
    /// a regulator's, an act leaves a regulator's suspension or goes further.
    /// @dev One function for all of it: following an act's paths is what takes the time. A condition is a value here, since
    /// a branch would multiply the paths.
    function check_oneAct(Act memory act_) public {
        ICertificateRegistry.Anchor memory before = registry.anchorOf(B, 1);
        act(act_);
        ICertificateRegistry.Anchor memory found = registry.anchorOf(B, 1);
        assert(found.root == before.root && found.size == before.size && found.blockTime == before.blockTime);
        assert(found.blockNumber == before.blockNumber && found.window == before.window && found.key == before.key);
        assert(registry.lastSequence(B) >= 1 && registry.lastSequence(B) <= 2);
        assert(registry.statusOf(B, LEAF).status == REVOKED);
        bool isItsCompromise = both(both(act_.what == 4, act_.issuer == B), act_.account == B_KEY);
        assert(either(isItsCompromise, registry.statusOf(B, OWN).status == REVOKED));
        ICertificateRegistry.Status held = registry.statusOf(B, HELD).status;
        assert(either(act_.caller == REGULATOR, either(held == ICertificateRegistry.Status.Suspended, held == REVOKED)));
    }

    /// @notice 5: no act that names issuer A changes anything of issuer B.
    function check_namespaces(Act memory act_) public {
        vm.assume(act_.issuer != B);
        uint64 windows = registry.windowCount(B);
        act(act_);
        assert(registry.windowCount(B) == windows && registry.windowOf(B, 0).until == type(uint64).max);
        ICertificateRegistry.Key memory key = registry.keyOf(B, B_KEY);
        assert(key.until == type(uint64).max && key.compromisedSince == 0 && key.purposes == 7);
        assert(either(act_.account == B_KEY, registry.keyOf(B, act_.account).from == 0));
        assert(registry.lastSequence(B) == 1 && registry.lastNight(B) == 0 && registry.carriesWeight(B, 1));
        assert(registry.reattestationOf(B, 1).key == address(0));
        assert(registry.statusCount(B, LEAF) == 1 && registry.statusCount(B, HELD) == 1);
        assert(registry.statusCount(B, OWN) == 1);
        bool isKnown = either(either(act_.word == LEAF, act_.word == HELD), act_.word == OWN);
        assert(either(isKnown, registry.statusCount(B, act_.word) == 0));
    }

    /// @notice 17: whoever is named as the next admin becomes it after the delay, whatever key anybody else adds.
    function check_nobodyBarsTheAdminToBe(Act memory act_) public {
        vm.assume(act_.caller != ADMIN && act_.what == 2);
        act(act_);
        vm.warp(block.timestamp + 4 days);
        vm.prank(HEIR);
        // By hand: a path that reverts is no counterexample to halmos.
        (bool taken,) = address(registry).call(abi.encodeCall(registry.acceptDefaultAdminTransfer, ()));
        assert(taken && registry.defaultAdmin() == HEIR);
    }

    /// @notice 8 and 9: only an accreditor changes windows and keys, and a compromise only moves earlier.
    function check_onlyAnAccreditorAccredits(Act memory act_, uint64 declared) public {
        vm.assume(declared != 0 && declared <= block.timestamp);
        vm.prank(ACCREDITOR);
        registry.declareCompromise(B, B_KEY, declared);
        uint64 until = registry.windowOf(B, 0).until;
        uint64 count = registry.windowCount(B);
        act(act_);
        uint64 since = registry.keyOf(B, B_KEY).compromisedSince;
        assert(since != 0 && since <= declared);
        if (act_.caller != ACCREDITOR) {
            assert(since == declared && registry.windowCount(B) == count && registry.windowOf(B, 0).until == until);
        }
    }

    function either(bool left, bool right) private pure returns (bool found) {
        assembly ("memory-safe") {
            found := or(left, right)
        }
    }

    function both(bool left, bool right) private pure returns (bool found) {
        assembly ("memory-safe") {
            found := and(left, right)
        }
    }

    function act(Act memory given) private {
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = given.word;
        ICertificateRegistry.AnchorReference[] memory anchors = new ICertificateRegistry.AnchorReference[](1);
        anchors[0] = ICertificateRegistry.AnchorReference(given.number, given.word);
        ICertificateRegistry.LeafReference memory leaf =
            ICertificateRegistry.LeafReference(given.second, given.number, given.other, new bytes32[](0));
        ICertificateRegistry.Status status = ICertificateRegistry.Status(given.small % 4);
        ICertificateRegistry.Custody custody = ICertificateRegistry.Custody(given.small % 3);
        bytes memory call_;
        if (given.what == 0) {
            call_ = abi.encodeCall(
                registry.openWindow, (given.issuer, given.number, given.other, uint256(given.second), given.word)
            );
        } else if (given.what == 1) {
            call_ = abi.encodeCall(registry.closeWindow, (given.issuer, given.number, given.other));
        } else if (given.what == 2) {
            call_ = abi.encodeCall(registry.addKey, (given.issuer, given.account, given.small, custody));
        } else if (given.what == 3) {
            call_ = abi.encodeCall(registry.retireKey, (given.issuer, given.account));
        } else if (given.what == 4) {
            call_ = abi.encodeCall(registry.declareCompromise, (given.issuer, given.account, given.number));
        } else if (given.what == 5) {
            call_ = abi.encodeCall(registry.anchor, (given.issuer, given.number, given.word, given.other));
        } else if (given.what == 6) {
            call_ = abi.encodeCall(registry.reattest, (given.issuer, anchors));
        } else if (given.what == 7) {
            call_ = abi.encodeCall(registry.closeNight, (given.issuer, given.number, given.other));
        } else if (given.what == 8) {
            call_ = abi.encodeCall(registry.setStatus, (given.issuer, leaves, status, given.small, given.flag));
        } else if (given.what == 9) {
            call_ = abi.encodeCall(registry.supersede, (given.issuer, given.word, given.small, given.flag, leaf));
        } else if (given.what == 10) {
            call_ = abi.encodeCall(registry.pause, ());
        } else {
            call_ = abi.encodeCall(registry.unpause, ());
        }
        vm.prank(given.caller);
        (bool taken,) = address(registry).call(call_);
        taken;
    }
}
