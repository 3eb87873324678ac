// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {CertificateRegistry} from "../src/CertificateRegistry.sol";
import {ICertificateRegistry} from "../src/ICertificateRegistry.sol";
import {Fixture} from "./Fixture.sol";

/// @notice Roles, the admin's two steps, the pause and the successor.
contract GovernanceTest is Fixture {
    ICertificateRegistry.Status private constant REVOKED = ICertificateRegistry.Status.Revoked;
    bytes32 private constant ACCREDITOR_ROLE = keccak256("ACCREDITOR_ROLE");

    function testTheDeployerKeepsNothing() public {
        CertificateRegistry made = new CertificateRegistry(ADMIN_DELAY, ADMIN);
        eq(made.defaultAdmin(), ADMIN);
        eq(made.defaultAdminDelay(), ADMIN_DELAY);
        bytes32[4] memory roles = allRoles();
        for (uint256 i = 0; i < roles.length; ++i) {
            require(!made.hasRole(roles[i], address(this)), "the deployer has a role");
            eq(made.getRoleAdmin(roles[i]), made.DEFAULT_ADMIN_ROLE());
        }
    }

    function testTheAdminChangesInTwoStepsWithADelay() public {
        testTheAdminChangesInTwoStepsWithADelay(STRANGER, ADMIN_DELAY);
        testTheAdminChangesInTwoStepsWithADelay(STRANGER, ADMIN_DELAY + 1);
    }

    function testTheAdminChangesInTwoStepsWithADelay(address successor, uint48 wait) public {
        setUp();
        vm.assume(successor != address(0) && !isTaken(successor));
        vm.prank(ADMIN);
        registry.beginDefaultAdminTransfer(successor);
        vm.warp(uint256(START) + wait);
        if (wait <= ADMIN_DELAY) {
            expectRevert(
                abi.encodeWithSelector(
                    IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminDelay.selector, START + ADMIN_DELAY
                )
            );
        }
        vm.prank(successor);
        registry.acceptDefaultAdminTransfer();
        eq(registry.defaultAdmin(), wait > ADMIN_DELAY ? successor : ADMIN);
    }

    function testNobodyElseChangesTheAdmin(address caller) public {
        vm.assume(caller != ADMIN);
        bytes memory refusal =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, bytes32(0));
        expectRevert(refusal);
        vm.prank(caller);
        registry.beginDefaultAdminTransfer(caller);
        expectRevert(refusal);
        vm.prank(caller);
        registry.grantRole(ACCREDITOR_ROLE, caller);
        expectRevert(refusal);
        vm.prank(caller);
        registry.setSuccessor(address(this));
        expectRevert(refusal);
        vm.prank(caller);
        registry.unpause();
    }

    function testARoleAnAccount() public {
        bytes32[4] memory roles = allRoles();
        address[4] memory accounts = [ADMIN, ACCREDITOR, REGULATOR, PAUSER];
        for (uint256 role = 1; role < 4; ++role) {
            for (uint256 account = 0; account < 4; ++account) {
                if (role != account) expectRevert(notSeparate(accounts[account]));
                grant(roles[role], accounts[account]);
            }
        }
        expectRevert(notSeparate(KEY));
        grant(ACCREDITOR_ROLE, KEY);
        for (uint256 account = 0; account < 4; ++account) {
            expectRevert(notSeparate(accounts[account]));
            addKey(ISSUER, accounts[account], ANCHOR);
        }
    }

    function testARoleIsFreeForAnotherOnceGivenBack() public {
        vm.prank(ADMIN);
        registry.revokeRole(ACCREDITOR_ROLE, ACCREDITOR);
        grant(registry.PAUSER_ROLE(), ACCREDITOR);
        // A key, retired or not, never gets a role.
        grant(ACCREDITOR_ROLE, STRANGER);
        vm.prank(STRANGER);
        registry.retireKey(ISSUER, KEY);
        travel(1);
        expectRevert(notSeparate(KEY));
        grant(ACCREDITOR_ROLE, KEY);
    }

    function testNobodyBarsTheAdminToBe() public {
        testNobodyBarsTheAdminToBe(STRANGER, 0);
        testNobodyBarsTheAdminToBe(STRANGER, uint24(ADMIN_DELAY) + 1);
    }

    function testNobodyBarsTheAdminToBe(address successor, uint24 wait) public {
        setUp();
        vm.assume(successor != address(0) && !isTaken(successor));
        vm.prank(ADMIN);
        registry.beginDefaultAdminTransfer(successor);
        vm.warp(START + wait);
        expectRevert(notSeparate(successor));
        addKey(OTHER, successor, ANCHOR);
        vm.warp(START + ADMIN_DELAY + 1);
        vm.prank(successor);
        registry.acceptDefaultAdminTransfer();
        eq(registry.defaultAdmin(), successor);
        // Who gave the role up is as free as anybody.
        addKey(OTHER, ADMIN, ANCHOR);
    }

    function testWhoIsNoAdminToBeAnyMoreMayBeAKey() public {
        vm.prank(ADMIN);
        registry.beginDefaultAdminTransfer(STRANGER);
        vm.prank(ADMIN);
        registry.cancelDefaultAdminTransfer();
        addKey(OTHER, STRANGER, ANCHOR);
    }

    function testAKeyIsRefusedAsAdminAtOnce() public {
        testAKeyIsRefusedAsAdminAtOnce(SECOND_KEY);
    }

    function testAKeyIsRefusedAsAdminAtOnce(address key) public {
        setUp();
        vm.assume(key != address(0) && !isTaken(key));
        addKey(ISSUER, key, ANCHOR);
        retireKey(ISSUER, key);
        travel(1);
        expectRevert(notSeparate(key));
        vm.prank(ADMIN);
        registry.beginDefaultAdminTransfer(key);
        (address pending,) = registry.pendingDefaultAdmin();
        eq(pending, address(0));
    }

    function testTheAdminMayGiveTheRoleUp() public {
        vm.prank(ADMIN);
        registry.beginDefaultAdminTransfer(address(0));
        travel(ADMIN_DELAY + 1);
        vm.prank(ADMIN);
        registry.renounceRole(bytes32(0), ADMIN);
        eq(registry.defaultAdmin(), address(0));
    }

    function testTheAdminsRoleGoesToNoOther() public {
        vm.prank(ADMIN);
        registry.beginDefaultAdminTransfer(ACCREDITOR);
        travel(ADMIN_DELAY + 1);
        expectRevert(notSeparate(ACCREDITOR));
        vm.prank(ACCREDITOR);
        registry.acceptDefaultAdminTransfer();
        eq(registry.defaultAdmin(), ADMIN);
    }

    function testAPauseEndsByItself() public {
        testAPauseEndsByItself(0);
        testAPauseEndsByItself(7 days - 1);
        testAPauseEndsByItself(7 days);
    }

    function testAPauseEndsByItself(uint32 wait) public {
        setUp();
        vm.prank(PAUSER);
        registry.pause();
        eq(registry.pausedUntil(), START + 7 days);
        vm.warp(START + wait);
        if (wait < 7 days) expectRevert(paused());
        anchor(KEY, 1);
        if (wait < 7 days) expectRevert(paused());
        openWindow(OTHER, 0, FOREVER);
        if (wait < 7 days) expectRevert(paused());
        addKey(OTHER, OTHERS_KEY, ANCHOR);
        if (wait < 7 days) expectRevert(paused());
        vm.prank(PAUSER);
        registry.pause();
    }

    function testWhatGoesOnWhilePaused() public {
        addKey(ISSUER, SECOND_KEY, ANCHOR | STATUS);
        anchor(KEY, 1);
        vm.prank(PAUSER);
        registry.pause();
        setStatus(KEY, LEAF, REVOKED);
        vm.prank(KEY);
        registry.closeNight(ISSUER, START / 1 days, 1);
        closeWindow(ISSUER, 0, 0);
        declareCompromise(KEY, 1);
        expectRevert(paused());
        reattest(SECOND_KEY, 1);
        retireKey(ISSUER, SECOND_KEY);
        eq(registry.anchorOf(ISSUER, 1).size, 3);
    }

    function testTheAdminEndsAPause() public {
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryNotPaused.selector));
        vm.prank(ADMIN);
        registry.unpause();
        vm.prank(PAUSER);
        registry.pause();
        vm.prank(ADMIN);
        registry.unpause();
        eq(registry.pausedUntil(), START);
        anchor(KEY, 1);
        vm.prank(PAUSER);
        registry.pause();
        vm.warp(START + 7 days);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryNotPaused.selector));
        vm.prank(ADMIN);
        registry.unpause();
    }

    function testOnlyAPauserPauses(address caller) public {
        vm.assume(caller != PAUSER);
        expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, caller, registry.PAUSER_ROLE()
            )
        );
        vm.prank(caller);
        registry.pause();
    }

    function testASuccessorIsNamedOnceAndStopsAnchorsAndStatuses() public {
        CertificateRegistry next = new CertificateRegistry(ADMIN_DELAY, ADMIN);
        anchor(KEY, 1);
        setSuccessor(address(next));
        eq(registry.successor(), address(next));
        bytes memory refusal = abi.encodeWithSelector(ICertificateRegistry.RegistrySucceeded.selector, address(next));
        expectRevert(refusal);
        setSuccessor(address(this));
        expectRevert(refusal);
        anchor(KEY, 2);
        expectRevert(refusal);
        setStatus(KEY, LEAF, REVOKED);
        expectRevert(refusal);
        setStatus(REGULATOR, LEAF, REVOKED);
        ICertificateRegistry.LeafReference memory reference_;
        expectRevert(refusal);
        supersede(KEY, LEAF, reference_);
        expectRevert(refusal);
        vm.prank(KEY);
        registry.closeNight(ISSUER, START / 1 days, 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY_SECRET, registry.approvalDigest(ISSUER, 2, ROOT, 1, FOREVER));
        bytes memory signature = abi.encodePacked(r, s, v);
        expectRevert(refusal);
        registry.anchorApproved(ISSUER, 2, ROOT, 1, FOREVER, KEY, signature);
        // What weighs the past goes on.
        addKey(ISSUER, SECOND_KEY, ANCHOR);
        declareCompromise(KEY, 1);
        reattest(SECOND_KEY, 1);
        require(registry.carriesWeight(ISSUER, 1), "weight");
    }

    function testASuccessorIsAnotherContract() public {
        testASuccessorIsAnotherContract(STRANGER);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryBadRegistry.selector, address(registry)));
        setSuccessor(address(registry));
    }

    function testASuccessorIsAnotherContract(address given) public {
        vm.assume(given.code.length == 0);
        expectRevert(abi.encodeWithSelector(ICertificateRegistry.RegistryBadRegistry.selector, given));
        setSuccessor(given);
    }

    function testItTakesNoEther(uint96 value, bytes calldata data) public {
        vm.assume(value != 0);
        (bool taken,) = address(registry).call{value: value % 1 ether + 1}(data);
        require(!taken && address(registry).balance == 0, "it took ether");
    }

    function allRoles() private view returns (bytes32[4] memory) {
        return [bytes32(0), ACCREDITOR_ROLE, registry.REGULATOR_ROLE(), registry.PAUSER_ROLE()];
    }

    function isTaken(address account) private view returns (bool) {
        return account == ADMIN || account == ACCREDITOR || account == REGULATOR || account == PAUSER || account == KEY;
    }

    function setSuccessor(address given) private {
        vm.prank(ADMIN);
        registry.setSuccessor(given);
    }

    function paused() private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICertificateRegistry.RegistryPaused.selector, START + 7 days);
    }

    function notSeparate(address account) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICertificateRegistry.RegistryRolesNotSeparate.selector, account);
    }
}
