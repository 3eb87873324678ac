// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ICertificateRegistry} from "../src/ICertificateRegistry.sol";
import {Fixture} from "./Fixture.sol";

/// @notice Windows, keys and compromises. A test without arguments names one case and calls its own fuzz overload.
contract AccreditationTest is Fixture {
    ICertificateRegistry.Custody private constant HELD = ICertificateRegistry.Custody.Institute;

    function testOnlyAnAccreditorActs() public {
        testOnlyAnAccreditorActs(STRANGER);
        testOnlyAnAccreditorActs(ADMIN);
        testOnlyAnAccreditorActs(REGULATOR);
        testOnlyAnAccreditorActs(PAUSER);
        testOnlyAnAccreditorActs(KEY);
    }

    function testOnlyAnAccreditorActs(address caller) public {
        vm.assume(caller != ACCREDITOR);
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, caller, registry.ACCREDITOR_ROLE()
        );
        expectRevert(refusal);
        vm.prank(caller);
        registry.openWindow(OTHER, 0, FOREVER, 1, PROFILE);
        expectRevert(refusal);
        vm.prank(caller);
        registry.closeWindow(ISSUER, 0, 0);
        expectRevert(refusal);
        vm.prank(caller);
        registry.addKey(ISSUER, SECOND_KEY, ANCHOR, HELD);
        expectRevert(refusal);
        vm.prank(caller);
        registry.retireKey(ISSUER, KEY);
        expectRevert(refusal);
        vm.prank(caller);
        registry.declareCompromise(ISSUER, KEY, 0);
    }

    function testOpenWindow() public {
        testOpenWindow(OTHER, 100, 1_000, 7, PROFILE);
    }

    function testOpenWindow(bytes32 issuer, uint32 wait, uint32 length, uint256 scope, bytes32 profile) public {
        vm.assume(issuer != 0 && issuer != ISSUER && length != 0 && scope != 0 && profile != 0);
        uint64 from = START + wait;
        vm.prank(ACCREDITOR);
        eq(registry.openWindow(issuer, from, from + length, scope, profile), 0);
        ICertificateRegistry.Window memory found = registry.windowOf(issuer, 0);
        eq(found.from, from);
        eq(found.until, from + length);
        eq(found.scope, scope);
        eq(found.profileDigest, profile);
        eq(registry.windowCount(issuer), 1);
        eq(registry.windowOf(issuer, 1).until, 0);
    }

    function testOpenWindowFromNow() public {
        openWindow(OTHER, 0, FOREVER);
        eq(registry.windowOf(OTHER, 0).from, START);
    }

    function testWindowRefusals() public {
        testWindowRefusals(OTHER, 1, 1);
    }

    function testWindowRefusals(bytes32 issuer, uint24 back, uint32 length) public {
        vm.assume(issuer != 0 && issuer != ISSUER && back != 0);
        refuseWindow(
            abi.encodeWithSelector(ICertificateRegistry.RegistryZeroIssuer.selector), 0, 0, FOREVER, 1, PROFILE
        );
        refuseWindow(
            abi.encodeWithSelector(ICertificateRegistry.RegistryEmptyScope.selector, issuer),
            issuer,
            0,
            FOREVER,
            0,
            PROFILE
        );
        refuseWindow(
            abi.encodeWithSelector(ICertificateRegistry.RegistryZeroProfile.selector, issuer), issuer, 0, FOREVER, 1, 0
        );
        refuseWindow(badWindow(issuer, START - back, FOREVER), issuer, START - back, FOREVER, 1, PROFILE);
        uint64 from = START + length;
        refuseWindow(badWindow(issuer, from, from), issuer, from, from, 1, PROFILE);
        refuseWindow(badWindow(issuer, from, from - 1), issuer, from, from - 1, 1, PROFILE);
    }

    function testWindowsNeverOverlap() public {
        testWindowsNeverOverlap(1_000, 999, 5);
    }

    function testWindowsNeverOverlap(uint32 length, uint32 start, uint32 wait) public {
        vm.assume(length > 1 && start < length);
        openWindow(OTHER, 0, START + length);
        uint64 from = START + start;
        if (start != 0) refuseWindow(badWindow(OTHER, from, FOREVER), OTHER, from, FOREVER, 1, PROFILE);
        // From the last one's end on it is right.
        uint64 next = START + length + wait;
        openWindow(OTHER, next, FOREVER);
        // And while that one lies ahead, there is no third.
        refuseWindow(badWindow(OTHER, next + 1, FOREVER), OTHER, next + 1, FOREVER, 1, PROFILE);
        closeWindow(OTHER, 1, next + 1);
        refuseWindow(badWindow(OTHER, next + 1, FOREVER), OTHER, next + 1, FOREVER, 1, PROFILE);
        vm.warp(next);
        openWindow(OTHER, next + 1, FOREVER);
    }

    function testAWindowIsTakenBackBeforeItBegins() public {
        testAWindowIsTakenBackBeforeItBegins(1_795_772_104_000, 1, 0);
        testAWindowIsTakenBackBeforeItBegins(2 ** 63, 2 ** 63, 5);
        testAWindowIsTakenBackBeforeItBegins(START + 2, START + 2, 0);
    }

    /// @dev Whether it was the issuer's first one, or follows another, of `length` seconds.
    function testAWindowIsTakenBackBeforeItBegins(uint64 from, uint64 until, uint32 length) public {
        setUp();
        vm.assume(from > START + uint64(length) && from < FOREVER);
        until = START + 1 + until % (from - START);
        uint64 place = length == 0 ? 0 : 1;
        if (place == 1) openWindow(OTHER, 0, START + length);
        eq(openWindow(OTHER, from, FOREVER), place);
        closeWindow(OTHER, place, until);
        // It counts for nothing: what is right follows at once, in its place, and may be taken back again.
        uint64 next = START + length;
        for (uint64 times = 0; times < 3; ++times) {
            if (place == 1) refuseWindow(badWindow(OTHER, next - 1, FOREVER), OTHER, next - 1, FOREVER, 1, PROFILE);
            eq(openWindow(OTHER, next + 1, FOREVER), place);
            refuseWindow(badWindow(OTHER, next + 2, FOREVER), OTHER, next + 2, FOREVER, 1, PROFILE);
            closeWindow(OTHER, place, next + 1);
        }
        vm.prank(ACCREDITOR);
        eq(registry.openWindow(OTHER, next, FOREVER, 7, ROOT), place);
        eq(registry.windowCount(OTHER), place + 1);
        ICertificateRegistry.Window memory found = registry.windowOf(OTHER, place);
        eq(found.from, next);
        eq(found.until, FOREVER);
        eq(found.scope, 7);
        eq(found.profileDigest, ROOT);
        addKey(OTHER, OTHERS_KEY, ANCHOR);
        vm.warp(next);
        anchor(OTHER, OTHERS_KEY, 1, ROOT, 1);
        eq(registry.anchorOf(OTHER, 1).window, place);
    }

    function testAWindowThatWasTakenBackNeverBegins() public {
        closeWindow(ISSUER, 0, START + 10);
        openWindow(ISSUER, START + 100, START + 200);
        closeWindow(ISSUER, 1, START + 50);
        anchor(KEY, 1);
        eq(registry.anchorOf(ISSUER, 1).window, 0);
        for (uint64 wait = 10; wait <= 210; wait += 20) {
            vm.warp(START + wait);
            expectRevert(
                abi.encodeWithSelector(ICertificateRegistry.RegistryNotAccredited.selector, ISSUER, START + wait)
            );
            anchor(KEY, 2);
        }
        eq(openWindow(ISSUER, 0, FOREVER), 1);
        anchor(KEY, 2);
    }

    function testCloseWindow() public {
        testCloseWindow(1);
    }

    function testCloseWindow(uint64 until) public {
        vm.assume(until != 0);
        if (until <= START || until == FOREVER) {
            expectRevert(badWindow(ISSUER, START, until));
            closeWindow(ISSUER, 0, until);
            return;
        }
        closeWindow(ISSUER, 0, until);
        eq(registry.windowOf(ISSUER, 0).until, until);
        // It only ever becomes shorter.
        expectRevert(badWindow(ISSUER, START, until));
        closeWindow(ISSUER, 0, until);
    }

    function testCloseWindowAtOnceIsTheNextSecond() public {
        closeWindow(ISSUER, 0, 0);
        eq(registry.windowOf(ISSUER, 0).until, START + 1);
        anchor(KEY, 1);
        travel(1);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryNotAccredited.selector, ISSUER, START + 1));
        anchor(KEY, 2);
    }

    function testCloseUnknownWindow(uint64 window) public {
        vm.assume(window != 0);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryUnknownWindow.selector, ISSUER, window));
        closeWindow(ISSUER, window, 0);
    }

    function testAddKey() public {
        testAddKey(OTHER, SECOND_KEY, ANCHOR | STATUS | CLOSE);
    }

    function testAddKey(bytes32 issuer, address key, uint8 purposes) public {
        vm.assume(issuer != 0 && key != address(0) && purposes != 0 && purposes < 8 && !hasRole(key));
        vm.assume(!(issuer == ISSUER && key == KEY));
        addKey(issuer, key, purposes);
        ICertificateRegistry.Key memory found = registry.keyOf(issuer, key);
        eq(found.from, START);
        eq(found.until, FOREVER);
        eq(found.compromisedSince, 0);
        eq(found.purposes, purposes);
        require(found.custody == HELD, "custody");
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryKeyExists.selector, issuer, key));
        addKey(issuer, key, purposes);
    }

    function testBadKeys() public {
        testBadKeys(0);
        testBadKeys(8);
    }

    function testBadKeys(uint8 purposes) public {
        vm.assume(purposes == 0 || purposes >= 8);
        refuseKey(ISSUER, SECOND_KEY, purposes, HELD);
        refuseKey(ISSUER, address(0), ANCHOR, HELD);
        refuseKey(ISSUER, SECOND_KEY, ANCHOR, ICertificateRegistry.Custody.Unknown);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryZeroIssuer.selector));
        addKey(0, SECOND_KEY, ANCHOR);
    }

    function testRotationWithOverlap() public {
        addKey(ISSUER, SECOND_KEY, ANCHOR);
        anchor(KEY, 1);
        anchor(SECOND_KEY, 2);
        retireKey(ISSUER, KEY);
        eq(registry.keyOf(ISSUER, KEY).until, START + 1);
        // What it does in this second is inside its span.
        anchor(KEY, 3);
        travel(1);
        bytes memory refusal = keyNotActive(KEY, ANCHOR);
        expectRevert(refusal);
        anchor(KEY, 4);
        expectRevert(keyNotActive(KEY, ANCHOR | STATUS));
        retireKey(ISSUER, KEY);
        // It never comes back.
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryKeyExists.selector, ISSUER, KEY));
        addKey(ISSUER, KEY, ANCHOR);
        anchor(SECOND_KEY, 4);
    }

    function testRetireUnknownKey(address key) public {
        vm.assume(key != KEY);
        expectRevert(keyNotActive(key, 0));
        retireKey(ISSUER, key);
    }

    function testCompromiseOnlyMovesEarlier() public {
        testCompromiseOnlyMovesEarlier(100, 50);
        testCompromiseOnlyMovesEarlier(50, 50);
        testCompromiseOnlyMovesEarlier(50, 100);
    }

    function testCompromiseOnlyMovesEarlier(uint24 first, uint24 second) public {
        setUp();
        vm.assume(first != 0 && second != 0);
        declareCompromise(KEY, first);
        eq(registry.keyOf(ISSUER, KEY).compromisedSince, first);
        if (second >= first) expectRevert(badCompromise(first, second));
        declareCompromise(KEY, second);
        eq(registry.keyOf(ISSUER, KEY).compromisedSince, second < first ? second : first);
    }

    function testCompromiseSinceNow() public {
        declareCompromise(KEY, 0);
        eq(registry.keyOf(ISSUER, KEY).compromisedSince, START);
        expectRevert(badCompromise(START, START));
        declareCompromise(KEY, 0);
    }

    function testNoCompromiseInTheFuture(uint64 since) public {
        vm.assume(since > START);
        expectRevert(badCompromise(0, since));
        declareCompromise(KEY, since);
    }

    function testNoCompromiseOfAnUnknownKey(address key) public {
        vm.assume(key != KEY);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryUnknownKey.selector, ISSUER, key));
        declareCompromise(key, 0);
    }

    function testACompromisedKeyActsNoMore() public {
        declareCompromise(KEY, 1);
        expectRevert(keyNotActive(KEY, ANCHOR));
        anchor(KEY, 1);
        expectRevert(keyNotActive(KEY, STATUS));
        setStatus(KEY, LEAF, ICertificateRegistry.Status.Revoked);
        expectRevert(keyNotActive(KEY, ANCHOR | STATUS));
        retireKey(ISSUER, KEY);
    }

    function testAWindowAheadDoesNotHideTheOpenOne() public {
        closeWindow(ISSUER, 0, START + 1_000);
        openWindow(ISSUER, START + 2_000, FOREVER);
        anchor(KEY, 1);
        eq(registry.anchorOf(ISSUER, 1).window, 0);
        travel(1_000);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryNotAccredited.selector, ISSUER, START + 1_000));
        anchor(KEY, 2);
        travel(1_000);
        anchor(KEY, 2);
        eq(registry.anchorOf(ISSUER, 2).window, 1);
    }

    function testNoAnchorWithoutAWindow() public {
        addKey(OTHER, OTHERS_KEY, ANCHOR);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryNotAccredited.selector, OTHER, START));
        anchor(OTHER, OTHERS_KEY, 1, ROOT, 1);
        openWindow(OTHER, START + 10, FOREVER);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryNotAccredited.selector, OTHER, START));
        anchor(OTHER, OTHERS_KEY, 1, ROOT, 1);
        travel(10);
        anchor(OTHER, OTHERS_KEY, 1, ROOT, 1);
    }

    function hasRole(address account) private pure returns (bool) {
        return account == ADMIN || account == ACCREDITOR || account == REGULATOR || account == PAUSER;
    }

    function refuseWindow(
        bytes memory refusal,
        bytes32 issuer,
        uint64 from,
        uint64 until,
        uint256 scope,
        bytes32 profile
    ) private {
        expectRevert(refusal);
        vm.prank(ACCREDITOR);
        registry.openWindow(issuer, from, until, scope, profile);
    }

    function refuseKey(bytes32 issuer, address key, uint8 purposes, ICertificateRegistry.Custody custody) private {
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryBadKey.selector, key, purposes, custody));
        vm.prank(ACCREDITOR);
        registry.addKey(issuer, key, purposes, custody);
    }

    function badWindow(bytes32 issuer, uint64 from, uint64 until) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICertificateRegistry.RegistryBadWindow.selector, issuer, from, until);
    }

    function keyNotActive(address key, uint8 purposes) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICertificateRegistry.RegistryKeyNotActive.selector, ISSUER, key, purposes);
    }

    function badCompromise(uint64 declared, uint64 given) private view returns (bytes memory) {
        return abi.encodeWithSelector(ICertificateRegistry.RegistryBadCompromise.selector, ISSUER, KEY, declared, given);
    }
}
