// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICertificateRegistry} from "../src/ICertificateRegistry.sol";
import {Fixture} from "./Fixture.sol";

/// @notice The status machine, supersession, the regulator's hand, and what a thief's writings weigh.
contract StatusesTest is Fixture {
    ICertificateRegistry.Status private constant ACTIVE = ICertificateRegistry.Status.Active;
    ICertificateRegistry.Status private constant SUSPENDED = ICertificateRegistry.Status.Suspended;
    ICertificateRegistry.Status private constant SUPERSEDED = ICertificateRegistry.Status.Superseded;
    ICertificateRegistry.Status private constant REVOKED = ICertificateRegistry.Status.Revoked;
    bytes32 private constant NEXT = bytes32(uint256(0x4E8));

    function setUp() public override {
        super.setUp();
        addKey(ISSUER, SECOND_KEY, STATUS);
    }

    function testSetStatus() public {
        testSetStatus(LEAF, 4, true);
    }

    function testSetStatus(bytes32 leaf, uint8 reason, bool fromBeginning) public {
        vm.assume(leaf != 0);
        bytes32[] memory leaves = only(leaf);
        vm.prank(KEY);
        registry.setStatus(ISSUER, leaves, SUSPENDED, reason, fromBeginning);
        ICertificateRegistry.StatusRecord memory record = registry.statusOf(ISSUER, leaf);
        eq(record.status, SUSPENDED);
        eq(record.reason, reason);
        require(record.fromBeginning == fromBeginning, "from the beginning");
        require(!record.byRegulator, "not the regulator");
        eq(record.blockTime, START);
        eq(record.writer, KEY);
        eq(record.successor, bytes32(0));
        eq(registry.statusCount(ISSUER, leaf), 1);
        eq(registry.statusAt(ISSUER, leaf, 0).writer, KEY);
        // Another issuer's leaf of the same hash is another leaf.
        eq(registry.statusOf(OTHER, leaf).blockTime, 0);
    }

    /// @dev Every pair of statuses, by an issuer's key and by a regulator, over what the same writer wrote.
    function testTheMachine() public {
        for (uint8 current = 0; current < 4; ++current) {
            for (uint8 wanted = 0; wanted < 4; ++wanted) {
                testTheMachine(current, wanted, false, false);
                testTheMachine(current, wanted, true, true);
            }
        }
    }

    /// @dev And over what another wrote: an issuer never lifts nor affirms what a regulator wrote, but may revoke it.
    function testTheMachine(uint8 current_, uint8 wanted_, bool first, bool second) public {
        setUp();
        ICertificateRegistry.Status current = ICertificateRegistry.Status(current_ % 4);
        ICertificateRegistry.Status wanted = ICertificateRegistry.Status(wanted_ % 4);
        ICertificateRegistry.LeafReference memory next = anchorPair(KEY, NEXT, 1);
        if (current != ACTIVE) write(first ? REGULATOR : KEY, current, next);
        bool isAffirmed = wanted == current && current != ACTIVE && first != second;
        bool isLegal =
            isAffirmed || (wanted != current && (current == SUPERSEDED ? wanted == REVOKED : current != REVOKED));
        if (!isLegal) {
            expectRevert(
                abi.encodeWithSelector(
                    ICertificateRegistry.RegistryBadTransition.selector, ISSUER, LEAF, current, wanted
                )
            );
        } else if (first && !second && current != ACTIVE && (isAffirmed || wanted != REVOKED)) {
            expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryHeldByRegulator.selector, ISSUER, LEAF));
            isLegal = false;
        }
        write(second ? REGULATOR : KEY, wanted, next);
        eq(statusOf(LEAF), isLegal ? wanted : current);
    }

    function testRevokedIsTerminal() public {
        testRevokedIsTerminal(false, true);
        testRevokedIsTerminal(true, false);
    }

    function testRevokedIsTerminal(bool suspend, bool byRegulator) public {
        setUp();
        ICertificateRegistry.Status wanted = suspend ? SUSPENDED : ACTIVE;
        setStatus(KEY, LEAF, REVOKED);
        travel(100);
        expectRevert(
            abi.encodeWithSelector(ICertificateRegistry.RegistryBadTransition.selector, ISSUER, LEAF, REVOKED, wanted)
        );
        setStatus(byRegulator ? REGULATOR : SECOND_KEY, LEAF, wanted);
    }

    function testWhoMayNotWrite() public {
        testWhoMayNotWrite(STRANGER);
        testWhoMayNotWrite(ADMIN);
        testWhoMayNotWrite(ACCREDITOR);
        testWhoMayNotWrite(PAUSER);
        addKey(ISSUER, OTHERS_KEY, ANCHOR | CLOSE);
        testWhoMayNotWrite(OTHERS_KEY);
    }

    function testWhoMayNotWrite(address caller) public {
        vm.assume(caller != KEY && caller != SECOND_KEY && caller != REGULATOR);
        bytes memory refusal =
            abi.encodeWithSelector(ICertificateRegistry.RegistryKeyNotActive.selector, ISSUER, caller, STATUS);
        expectRevert(refusal);
        setStatus(caller, LEAF, REVOKED);
        expectRevert(refusal);
        supersede(caller, LEAF, ICertificateRegistry.LeafReference(NEXT, 1, 0, new bytes32[](0)));
    }

    function testSetStatusOfSeveral() public {
        testSetStatusOfSeveral(20);
    }

    function testSetStatusOfSeveral(uint8 count) public {
        vm.assume(count != 0);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode(i));
        }
        (uint64 before,) = registry.checkpoint();
        vm.prank(KEY);
        registry.setStatus(ISSUER, leaves, REVOKED, 4, true);
        (uint64 size,) = registry.checkpoint();
        eq(size, before + count);
        for (uint256 i = 0; i < count; ++i) {
            eq(statusOf(leaves[i]), REVOKED);
        }
    }

    function testOneBadLeafStopsTheWholeCall() public {
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = LEAF;
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryZeroLeaf.selector));
        vm.prank(KEY);
        registry.setStatus(ISSUER, leaves, REVOKED, 4, true);
        eq(statusOf(LEAF), ACTIVE);
    }

    function testRefusedArguments() public {
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryNothingGiven.selector));
        vm.prank(KEY);
        registry.setStatus(ISSUER, new bytes32[](0), REVOKED, 4, true);
        bytes32[] memory leaves = only(LEAF);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryZeroIssuer.selector));
        vm.prank(REGULATOR);
        registry.setStatus(0, leaves, REVOKED, 4, true);
        expectRevert(badSuccessor(LEAF, 0));
        vm.prank(KEY);
        registry.setStatus(ISSUER, leaves, SUPERSEDED, 4, true);
    }

    function testSupersede() public {
        testSupersede(LEAF, NEXT);
    }

    function testSupersede(bytes32 leaf, bytes32 next) public {
        vm.assume(leaf != 0 && leaf != next);
        supersede(KEY, leaf, anchorPair(KEY, next, 1));
        ICertificateRegistry.StatusRecord memory record = registry.statusOf(ISSUER, leaf);
        eq(record.status, SUPERSEDED);
        eq(record.successor, next);
    }

    function testASuccessorIsProven() public {
        testASuccessorIsProven(bytes32(uint256(1)));
    }

    function testASuccessorIsProven(bytes32 stranger) public {
        ICertificateRegistry.LeafReference memory next = anchorPair(KEY, NEXT, 1);
        vm.assume(stranger != NEXT && stranger != keccak256(abi.encode(NEXT)));
        next.leafHash = stranger;
        expectRevert(badSuccessor(LEAF, stranger));
        supersede(KEY, LEAF, next);
        next.leafHash = NEXT;
        next.sequence = 2;
        expectRevert(badSuccessor(LEAF, NEXT));
        supersede(KEY, LEAF, next);
        next.sequence = 1;
        next.leafIndex = 1;
        expectRevert(badSuccessor(LEAF, NEXT));
        supersede(KEY, LEAF, next);
        next.leafIndex = 0;
        expectRevert(badSuccessor(NEXT, NEXT));
        supersede(KEY, NEXT, next);
        supersede(KEY, LEAF, next);
    }

    function testASuccessorIsTheSameIssuers() public {
        openWindow(OTHER, 0, FOREVER);
        addKey(OTHER, OTHERS_KEY, ANCHOR | STATUS);
        ICertificateRegistry.LeafReference memory next = anchorPair(KEY, NEXT, 1);
        expectRevert(badSuccessor(LEAF, NEXT));
        vm.prank(OTHERS_KEY);
        registry.supersede(OTHER, LEAF, 5, false, next);
    }

    function testASuccessorIsInForce() public {
        ICertificateRegistry.LeafReference memory next = anchorPair(KEY, NEXT, 1);
        setStatus(KEY, NEXT, SUSPENDED);
        expectRevert(badSuccessor(LEAF, NEXT));
        supersede(KEY, LEAF, next);
        setStatus(KEY, NEXT, ACTIVE);
        supersede(KEY, LEAF, next);
        // And two certificates never supersede each other.
        ICertificateRegistry.LeafReference memory back = anchorPair(KEY, LEAF, 2);
        expectRevert(badSuccessor(NEXT, LEAF));
        supersede(KEY, NEXT, back);
    }

    function testASuccessorCarriesWeight() public {
        ICertificateRegistry.LeafReference memory next = anchorPair(KEY, NEXT, 1);
        declareCompromise(KEY, START);
        expectRevert(badSuccessor(LEAF, NEXT));
        supersede(SECOND_KEY, LEAF, next);
    }

    function testAThiefsRevocationIsVoid() public {
        testAThiefsRevocationIsVoid(100, 99);
        testAThiefsRevocationIsVoid(100, 100);
        testAThiefsRevocationIsVoid(100, 101);
    }

    function testAThiefsRevocationIsVoid(uint32 writtenAfter, uint32 sinceAfter) public {
        setUp();
        vm.warp(START + writtenAfter);
        setStatus(KEY, LEAF, REVOKED);
        vm.warp(uint256(START) + type(uint32).max);
        declareCompromise(KEY, START + sinceAfter);
        eq(statusOf(LEAF), writtenAfter < sinceAfter ? REVOKED : ACTIVE);
        eq(registry.statusCount(ISSUER, LEAF), 1);
    }

    /// @dev What stood before the thief stands again, and what is written next replaces what the thief wrote.
    function testWhatStoodBeforeTheThiefStandsAgain() public {
        setStatus(SECOND_KEY, LEAF, SUSPENDED);
        travel(10);
        setStatus(KEY, LEAF, ACTIVE);
        setStatus(KEY, LEAF, REVOKED);
        declareCompromise(KEY, START + 10);
        eq(statusOf(LEAF), SUSPENDED);
        eq(registry.statusCount(ISSUER, LEAF), 3);
        expectRevert(
            abi.encodeWithSelector(
                ICertificateRegistry.RegistryBadTransition.selector, ISSUER, LEAF, SUSPENDED, SUSPENDED
            )
        );
        setStatus(SECOND_KEY, LEAF, SUSPENDED);
        setStatus(SECOND_KEY, LEAF, ACTIVE);
        eq(statusOf(LEAF), ACTIVE);
        eq(registry.statusCount(ISSUER, LEAF), 2);
        eq(registry.statusAt(ISSUER, LEAF, 0).writer, SECOND_KEY);
        eq(registry.statusAt(ISSUER, LEAF, 1).writer, SECOND_KEY);
        eq(registry.statusAt(ISSUER, LEAF, 2).writer, address(0));
    }

    /// @dev A sound record above a void one stands, also when the void one lies below it.
    function testASoundRecordAboveAVoidOneStands() public {
        setStatus(KEY, LEAF, SUSPENDED);
        setStatus(SECOND_KEY, LEAF, ACTIVE);
        declareCompromise(KEY, 1);
        eq(statusOf(LEAF), ACTIVE);
        eq(registry.statusOf(ISSUER, LEAF).writer, SECOND_KEY);
        setStatus(SECOND_KEY, LEAF, REVOKED);
        eq(registry.statusCount(ISSUER, LEAF), 3);
    }

    function testAnAffirmedRevocationOutlivesItsKey() public {
        setStatus(KEY, LEAF, REVOKED);
        setStatus(KEY, NEXT, REVOKED);
        setStatus(SECOND_KEY, LEAF, REVOKED);
        setStatus(REGULATOR, NEXT, REVOKED);
        declareCompromise(KEY, 1);
        eq(statusOf(LEAF), REVOKED);
        eq(statusOf(NEXT), REVOKED);
        declareCompromise(SECOND_KEY, 1);
        eq(statusOf(LEAF), ACTIVE);
        eq(statusOf(NEXT), REVOKED);
    }

    function testAnAffirmationNamesTheSameSuccessor() public {
        ICertificateRegistry.LeafReference memory next = anchorPair(KEY, NEXT, 1);
        ICertificateRegistry.LeafReference memory another = anchorPair(KEY, bytes32(uint256(9)), 2);
        supersede(KEY, LEAF, next);
        expectRevert(
            abi.encodeWithSelector(
                ICertificateRegistry.RegistryBadTransition.selector, ISSUER, LEAF, SUPERSEDED, SUPERSEDED
            )
        );
        supersede(SECOND_KEY, LEAF, another);
        supersede(SECOND_KEY, LEAF, next);
        eq(registry.statusCount(ISSUER, LEAF), 2);
    }

    /// @dev A thief cannot make a leaf's history too long to be read, nor keep anybody from revoking.
    function testHistoriesAreBounded() public {
        uint256 most = registry.MAX_REVERSIBLE_RECORDS();
        ICertificateRegistry.LeafReference memory next = anchorPair(KEY, NEXT, 1);
        travel(10);
        for (uint256 i = 0; i < most; ++i) {
            setStatus(KEY, LEAF, i % 2 == 0 ? SUSPENDED : ACTIVE);
        }
        bytes memory refusal =
            abi.encodeWithSelector(ICertificateRegistry.RegistryTooManyRecords.selector, ISSUER, LEAF);
        expectRevert(refusal);
        setStatus(KEY, LEAF, SUSPENDED);
        setStatus(REGULATOR, LEAF, SUSPENDED);
        setStatus(REGULATOR, LEAF, ACTIVE);
        supersede(KEY, LEAF, next);
        expectRevert(refusal);
        supersede(SECOND_KEY, LEAF, next);
        setStatus(SECOND_KEY, LEAF, REVOKED);
        expectRevert(refusal);
        setStatus(KEY, LEAF, REVOKED);
        declareCompromise(KEY, START + 10);
        eq(statusOf(LEAF), REVOKED);
        // Reading the longest history of void records is cheap enough for any block.
        declareCompromise(SECOND_KEY, START + 10);
        uint256 gas = gasleft();
        eq(statusOf(LEAF), ACTIVE);
        require(gas - gasleft() < 1_000_000, "too dear to read");
    }

    function testAFloodedLeafIsFreeAgain() public {
        uint256 most = registry.MAX_REVERSIBLE_RECORDS();
        for (uint256 i = 0; i < most; ++i) {
            setStatus(KEY, LEAF, i % 2 == 0 ? SUSPENDED : ACTIVE);
        }
        declareCompromise(KEY, START);
        setStatus(SECOND_KEY, LEAF, SUSPENDED);
        eq(statusOf(LEAF), SUSPENDED);
        eq(registry.statusCount(ISSUER, LEAF), 1);
    }

    function testAClosedWindowDoesNotHinder() public {
        closeWindow(ISSUER, 0, 0);
        travel(10);
        setStatus(KEY, LEAF, REVOKED);
        eq(statusOf(LEAF), REVOKED);
    }

    function write(
        address writer,
        ICertificateRegistry.Status status,
        ICertificateRegistry.LeafReference memory successor
    ) private {
        if (status == SUPERSEDED) supersede(writer, LEAF, successor);
        else setStatus(writer, LEAF, status);
    }

    function badSuccessor(bytes32 leaf, bytes32 given) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICertificateRegistry.RegistryBadSuccessor.selector, leaf, given);
    }
}
