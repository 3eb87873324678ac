// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICertificateRegistry} from "../src/ICertificateRegistry.sol";
import {CertificateRegistry} from "../src/CertificateRegistry.sol";
import {Fixture} from "./Fixture.sol";

/// @notice A contract account whose owner's word is one stored digest.
contract Multisig {
    bytes32 private immutable APPROVED;

    constructor(bytes32 approved) {
        APPROVED = approved;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == APPROVED ? this.isValidSignature.selector : bytes4(0);
    }
}

/// @notice Anchors, approvals, nights and re-attestations.
contract AnchoringTest is Fixture {
    uint64 private constant DEADLINE = START + 1 hours;

    function testAnchor() public {
        testAnchor(ROOT, 9);
    }

    function testAnchor(bytes32 root, uint64 size) public {
        vm.assume(root != 0 && size != 0);
        anchor(ISSUER, KEY, 1, root, size);
        ICertificateRegistry.Anchor memory found = registry.anchorOf(ISSUER, 1);
        eq(found.root, root);
        eq(found.size, size);
        eq(found.blockTime, START);
        eq(found.blockNumber, 100);
        eq(found.window, 0);
        eq(found.key, KEY);
        eq(registry.lastSequence(ISSUER), 1);
        require(registry.carriesWeight(ISSUER, 1), "weight");
        require(!registry.carriesWeight(ISSUER, 2), "no anchor, no weight");
    }

    function testSequenceIsGapless() public {
        testSequenceIsGapless(3, 0);
        testSequenceIsGapless(3, 3);
        testSequenceIsGapless(3, 5);
    }

    function testSequenceIsGapless(uint8 anchored, uint64 next) public {
        setUp();
        anchored %= 8;
        for (uint64 sequence = 1; sequence <= anchored; ++sequence) {
            anchor(KEY, sequence);
        }
        if (next != anchored + 1) {
            expectRevert(
                abi.encodeWithSelector(ICertificateRegistry.RegistryBadSequence.selector, ISSUER, anchored + 1, next)
            );
        }
        anchor(KEY, next);
        eq(registry.lastSequence(ISSUER), next == anchored + 1 ? next : anchored);
    }

    function testAnEmptyTreeIsRefused() public {
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryZeroRoot.selector));
        anchor(ISSUER, KEY, 1, 0, 1);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryEmptyTree.selector));
        anchor(ISSUER, KEY, 1, ROOT, 0);
    }

    function testOnlyAnAnchorKeyAnchors() public {
        testOnlyAnAnchorKeyAnchors(STRANGER);
        testOnlyAnAnchorKeyAnchors(ADMIN);
        testOnlyAnAnchorKeyAnchors(ACCREDITOR);
        testOnlyAnAnchorKeyAnchors(REGULATOR);
        addKey(ISSUER, SECOND_KEY, STATUS | CLOSE);
        testOnlyAnAnchorKeyAnchors(SECOND_KEY);
        addKey(OTHER, OTHERS_KEY, ANCHOR);
        testOnlyAnAnchorKeyAnchors(OTHERS_KEY);
    }

    function testOnlyAnAnchorKeyAnchors(address caller) public {
        vm.assume(caller != KEY);
        expectRevert(keyNotActive(caller, ANCHOR));
        anchor(caller, 1);
        expectRevert(keyNotActive(caller, ANCHOR));
        reattest(caller, 1);
    }

    function testIssuersDoNotMeet() public {
        openWindow(OTHER, 0, FOREVER);
        addKey(OTHER, OTHERS_KEY, ANCHOR);
        anchor(ISSUER, KEY, 1, ROOT, 1);
        // The same root under another issuer is another anchor: leaves bind their issuer.
        anchor(OTHER, OTHERS_KEY, 1, ROOT, 2);
        eq(registry.anchorOf(ISSUER, 1).size, 1);
        eq(registry.lastSequence(OTHER), 1);
    }

    function testApproval() public {
        testApproval(STRANGER, ROOT, 9, 100);
    }

    function testApproval(address relayer, bytes32 root, uint64 size, uint64 wait) public {
        vm.assume(root != 0 && size != 0);
        uint64 deadline = wait > FOREVER - START ? FOREVER : START + wait;
        bytes memory signature = approve(KEY_SECRET, ISSUER, 1, root, size, deadline);
        vm.recordLogs();
        vm.prank(relayer);
        registry.anchorApproved(ISSUER, 1, root, size, deadline, KEY, signature);
        eq(registry.anchorOf(ISSUER, 1).key, KEY);
        eq(registry.anchorOf(ISSUER, 1).root, root);
        (,,, address key, address sender,,) =
            abi.decode(vm.getRecordedLogs()[0].data, (bytes32, uint64, uint64, address, address, uint64, uint64));
        eq(key, KEY);
        eq(sender, relayer);
        // It cannot be used again.
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryBadSequence.selector, ISSUER, 2, 1));
        registry.anchorApproved(ISSUER, 1, root, size, deadline, KEY, signature);
    }

    /// @dev Whatever differs from what was signed, the signature does not fit.
    function testApprovalScope() public {
        for (uint8 field = 0; field < 8; ++field) {
            testApprovalScope(field, 1);
        }
    }

    function testApprovalScope(uint8 field, uint64 change) public {
        setUp();
        field %= 8;
        change = change % 1_000 + 1;
        openWindow(OTHER, 0, FOREVER);
        addKey(OTHER, KEY, ANCHOR);
        CertificateRegistry asked = registry;
        bytes memory signature = approve(KEY_SECRET, ISSUER, 1, ROOT, 9, DEADLINE);
        bytes32 issuer = ISSUER;
        uint64 sequence = 1;
        bytes32 root = ROOT;
        uint64 size = 9;
        uint64 deadline = DEADLINE;
        address approver = KEY;
        if (field == 0) issuer = OTHER;
        if (field == 1) sequence += change;
        if (field == 2) root = bytes32(uint256(ROOT) + change);
        if (field == 3) size += change;
        if (field == 4) deadline += change;
        if (field == 5) approver = SECOND_KEY;
        if (field == 6) vm.chainId(31_337 + change);
        if (field == 7) asked = new CertificateRegistry(ADMIN_DELAY, ADMIN);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryBadApproval.selector, issuer, approver));
        asked.anchorApproved(issuer, sequence, root, size, deadline, approver, signature);
        if (field == 6) vm.chainId(31_337);
    }

    function testARubbishSignatureIsRefused(bytes calldata signature) public {
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryBadApproval.selector, ISSUER, KEY));
        registry.anchorApproved(ISSUER, 1, ROOT, 9, DEADLINE, KEY, signature);
    }

    /// @dev OpenZeppelin takes the lower of the two s only.
    function testAHighSSignatureIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY_SECRET, registry.approvalDigest(ISSUER, 1, ROOT, 9, DEADLINE));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes memory signature = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryBadApproval.selector, ISSUER, KEY));
        registry.anchorApproved(ISSUER, 1, ROOT, 9, DEADLINE, KEY, signature);
    }

    function testTheDeadlineIsTheLastSecond() public {
        bytes memory signature = approve(KEY_SECRET, ISSUER, 1, ROOT, 9, DEADLINE);
        vm.warp(DEADLINE + 1);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryApprovalExpired.selector, DEADLINE));
        registry.anchorApproved(ISSUER, 1, ROOT, 9, DEADLINE, KEY, signature);
        vm.warp(DEADLINE);
        registry.anchorApproved(ISSUER, 1, ROOT, 9, DEADLINE, KEY, signature);
    }

    function testAnApprovalNeedsAnAnchorKey(uint256 secret) public {
        secret = secret % 1_000_000 + 1;
        address signer = vm.addr(secret);
        vm.assume(signer != KEY);
        addKey(ISSUER, signer, STATUS | CLOSE);
        bytes memory signature = approve(secret, ISSUER, 1, ROOT, 9, DEADLINE);
        expectRevert(keyNotActive(signer, ANCHOR));
        registry.anchorApproved(ISSUER, 1, ROOT, 9, DEADLINE, signer, signature);
    }

    function testAMultisigApproves() public {
        Multisig multisig = new Multisig(registry.approvalDigest(ISSUER, 1, ROOT, 9, DEADLINE));
        addKey(ISSUER, address(multisig), ANCHOR);
        expectRevert(
            abi.encodeWithSelector(ICertificateRegistry.RegistryBadApproval.selector, ISSUER, address(multisig))
        );
        registry.anchorApproved(ISSUER, 1, ROOT, 8, DEADLINE, address(multisig), "");
        registry.anchorApproved(ISSUER, 1, ROOT, 9, DEADLINE, address(multisig), "");
        eq(registry.anchorOf(ISSUER, 1).key, address(multisig));
    }

    function testCompromiseTakesWeightFromItsInstantOn() public {
        testCompromiseTakesWeightFromItsInstantOn(100, 99);
        testCompromiseTakesWeightFromItsInstantOn(100, 100);
        testCompromiseTakesWeightFromItsInstantOn(100, 101);
    }

    function testCompromiseTakesWeightFromItsInstantOn(uint32 anchoredAfter, uint32 sinceAfter) public {
        setUp();
        vm.warp(START + anchoredAfter);
        anchor(KEY, 1);
        vm.warp(uint256(START) + type(uint32).max);
        declareCompromise(KEY, START + sinceAfter);
        require(registry.carriesWeight(ISSUER, 1) == (anchoredAfter < sinceAfter), "weight");
    }

    function testReattest() public {
        addKey(ISSUER, SECOND_KEY, ANCHOR);
        anchor(KEY, 1);
        travel(10);
        // Nothing lost its weight yet.
        expectRevert(nothingToReattest(1));
        reattest(SECOND_KEY, 1);
        declareCompromise(KEY, START);
        require(!registry.carriesWeight(ISSUER, 1), "weight");
        expectRevert(keyNotActive(KEY, ANCHOR));
        reattest(KEY, 1);
        ICertificateRegistry.AnchorReference[] memory given = references(1, ROOT);
        expectRevert(nothingToReattest(1));
        vm.prank(SECOND_KEY);
        registry.reattest(ISSUER, given);
        reattest(SECOND_KEY, 1);
        require(registry.carriesWeight(ISSUER, 1), "weight");
        eq(registry.reattestationOf(ISSUER, 1).key, SECOND_KEY);
        eq(registry.reattestationOf(ISSUER, 1).blockTime, START + 10);
        expectRevert(nothingToReattest(1));
        reattest(SECOND_KEY, 1);
    }

    function testAReattestationFallsWithItsOwnKey() public {
        addKey(ISSUER, SECOND_KEY, ANCHOR);
        address third = address(0x333);
        addKey(ISSUER, third, ANCHOR);
        anchor(KEY, 1);
        declareCompromise(KEY, START);
        travel(10);
        reattest(SECOND_KEY, 1);
        travel(10);
        declareCompromise(SECOND_KEY, START + 11);
        require(registry.carriesWeight(ISSUER, 1), "re-attested before the theft");
        declareCompromise(SECOND_KEY, START + 10);
        require(!registry.carriesWeight(ISSUER, 1), "re-attested by the thief");
        reattest(third, 1);
        require(registry.carriesWeight(ISSUER, 1), "weight");
    }

    function testReattestNothing() public {
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryNothingGiven.selector));
        vm.prank(KEY);
        registry.reattest(ISSUER, new ICertificateRegistry.AnchorReference[](0));
        // The zero root of an anchor that is not there is none.
        ICertificateRegistry.AnchorReference[] memory given = references(1, 0);
        expectRevert(nothingToReattest(1));
        vm.prank(KEY);
        registry.reattest(ISSUER, given);
    }

    function testReattestSeveral() public {
        addKey(ISSUER, SECOND_KEY, ANCHOR);
        ICertificateRegistry.AnchorReference[] memory given = new ICertificateRegistry.AnchorReference[](3);
        for (uint64 sequence = 1; sequence <= 3; ++sequence) {
            anchor(KEY, sequence);
            given[sequence - 1] = ICertificateRegistry.AnchorReference(sequence, rootOf(sequence));
        }
        declareCompromise(KEY, 1);
        (uint64 before,) = registry.checkpoint();
        vm.prank(SECOND_KEY);
        registry.reattest(ISSUER, given);
        (uint64 size,) = registry.checkpoint();
        eq(size, before + 3);
        for (uint64 sequence = 1; sequence <= 3; ++sequence) {
            require(registry.carriesWeight(ISSUER, sequence), "weight");
        }
    }

    function testCloseNight() public {
        testCloseNight(START / 1 days);
    }

    function testCloseNight(uint64 night) public {
        if (night == 0 || night > START / 1 days + 1) expectRevert(badNight(0, night));
        closeNight(KEY, night, 0);
        if (night == 0 || night > START / 1 days + 1) return;
        eq(registry.lastNight(ISSUER), night);
        expectRevert(badNight(night, night));
        closeNight(KEY, night, 0);
        expectRevert(badNight(night, night - 1));
        closeNight(KEY, night - 1, 0);
    }

    function testANightStatesHowFarTheIssuerCame() public {
        anchor(KEY, 1);
        uint64 night = START / 1 days;
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryBadSequence.selector, ISSUER, 1, 0));
        closeNight(KEY, night, 0);
        closeNight(KEY, night, 1);
        eq(registry.lastSequence(ISSUER), 1);
        eq(registry.lastNight(OTHER), 0);
        anchor(KEY, 2);
        eq(registry.lastNight(ISSUER), night);
    }

    function testACloseKeyClosesOnly() public {
        addKey(ISSUER, SECOND_KEY, CLOSE);
        closeNight(SECOND_KEY, START / 1 days, 0);
        expectRevert(keyNotActive(SECOND_KEY, ANCHOR));
        anchor(SECOND_KEY, 1);
        expectRevert(keyNotActive(SECOND_KEY, STATUS));
        setStatus(SECOND_KEY, LEAF, ICertificateRegistry.Status.Revoked);
        addKey(ISSUER, OTHERS_KEY, STATUS);
        expectRevert(keyNotActive(OTHERS_KEY, ANCHOR | CLOSE));
        closeNight(OTHERS_KEY, START / 1 days + 1, 0);
    }

    function testViewsAnswerForWhatIsUnknown(bytes32 issuer, uint64 sequence, bytes32 leaf, address key) public view {
        vm.assume(issuer != ISSUER);
        eq(registry.anchorOf(issuer, sequence).size, 0);
        eq(registry.reattestationOf(issuer, sequence).key, address(0));
        eq(registry.lastSequence(issuer), 0);
        eq(registry.windowCount(issuer), 0);
        eq(registry.windowOf(issuer, sequence).until, 0);
        eq(registry.keyOf(issuer, key).from, 0);
        eq(registry.statusOf(issuer, leaf).blockTime, 0);
        eq(registry.statusCount(issuer, leaf), 0);
        eq(registry.statusAt(issuer, leaf, sequence).blockTime, 0);
        require(!registry.carriesWeight(issuer, sequence), "weight");
        require(!registry.verifyInclusion(issuer, sequence, leaf, 0, new bytes32[](0)), "inclusion");
    }

    function closeNight(address key, uint64 night, uint64 sequence) private {
        vm.prank(key);
        registry.closeNight(ISSUER, night, sequence);
    }

    function approve(uint256 secret, bytes32 issuer, uint64 sequence, bytes32 root, uint64 size, uint64 deadline)
        private
        view
        returns (bytes memory)
    {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(secret, registry.approvalDigest(issuer, sequence, root, size, deadline));
        return abi.encodePacked(r, s, v);
    }

    function keyNotActive(address key, uint8 purposes) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICertificateRegistry.RegistryKeyNotActive.selector, ISSUER, key, purposes);
    }

    function nothingToReattest(uint64 sequence) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICertificateRegistry.RegistryNothingToReattest.selector, ISSUER, sequence);
    }

    function badNight(uint64 last, uint64 given) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICertificateRegistry.RegistryBadNight.selector, ISSUER, last, given);
    }
}
