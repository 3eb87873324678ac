// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ICertificateRegistry} from "./ICertificateRegistry.sol";
import {RegistryLog} from "./RegistryLog.sol";

/// @title Who governs the registry, its pause and its successor
/// @notice One account holds at most one role, and never a role and an issuer's key: no single secret is enough both to
/// accredit and to anchor.
abstract contract Governance is ICertificateRegistry, AccessControlDefaultAdminRules, RegistryLog {
    bytes32 public constant ACCREDITOR_ROLE = keccak256("ACCREDITOR_ROLE");
    bytes32 public constant REGULATOR_ROLE = keccak256("REGULATOR_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice How long a pause lasts when nobody ends it earlier.
    uint64 public constant PAUSE_SECONDS = 7 days;

    address private _successor;
    uint64 private _pausedUntil;
    /// @dev Whether an account ever was a key of some issuer.
    mapping(address account => bool) private _everKey;

    modifier whenNotPaused() {
        if (block.timestamp < _pausedUntil) revert RegistryPaused(_pausedUntil);
        _;
    }

    modifier whenCurrent() {
        if (_successor != address(0)) revert RegistrySucceeded(_successor);
        _;
    }

    /// @inheritdoc ICertificateRegistry
    function pause() external onlyRole(PAUSER_ROLE) whenNotPaused {
        uint64 until = _now() + PAUSE_SECONDS;
        _pausedUntil = until;

        uint64 logIndex = _nextLogIndex();
        emit Paused(msg.sender, until, _now(), logIndex);
        _append(abi.encode(Paused.selector, msg.sender, until, _now(), logIndex));
    }

    /// @inheritdoc ICertificateRegistry
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (block.timestamp >= _pausedUntil) revert RegistryNotPaused();
        _pausedUntil = _now();

        uint64 logIndex = _nextLogIndex();
        emit Unpaused(msg.sender, _now(), logIndex);
        _append(abi.encode(Unpaused.selector, msg.sender, _now(), logIndex));
    }

    /// @inheritdoc ICertificateRegistry
    function setSuccessor(address registry) external onlyRole(DEFAULT_ADMIN_ROLE) whenCurrent {
        if (registry == address(this) || registry.code.length == 0) revert RegistryBadRegistry(registry);
        _successor = registry;

        uint64 logIndex = _nextLogIndex();
        emit SuccessorSet(registry, msg.sender, _now(), logIndex);
        _append(abi.encode(SuccessorSet.selector, registry, msg.sender, _now(), logIndex));
    }

    /// @inheritdoc ICertificateRegistry
    function pausedUntil() external view returns (uint64) {
        return _pausedUntil;
    }

    /// @inheritdoc ICertificateRegistry
    function successor() external view returns (address) {
        return _successor;
    }

    /// @inheritdoc ICertificateRegistry
    function checkpoint() external view returns (uint64 size, bytes32 root) {
        return _checkpoint();
    }

    /// @dev Every way to a role leads here, the transfer of the admin's included.
    function _grantRole(bytes32 role, address account) internal override returns (bool) {
        if (_everKey[account] || (_hasAnyRole(account) && !hasRole(role, account))) {
            revert RegistryRolesNotSeparate(account);
        }
        return super._grantRole(role, account);
    }

    /// @dev A key never becomes the admin: refused now, and not only after the delay.
    function _beginDefaultAdminTransfer(address newAdmin) internal override {
        if (_everKey[newAdmin]) revert RegistryRolesNotSeparate(newAdmin);
        super._beginDefaultAdminTransfer(newAdmin);
    }

    /// @dev Remembers an account as a key, so that it never gets a role. The account that may become the admin is no
    /// accreditor's to bar: giving that role takes days, every other one a single transaction.
    function _markKey(address account) internal {
        (address pending,) = pendingDefaultAdmin();
        if (account == pending || _hasAnyRole(account)) revert RegistryRolesNotSeparate(account);
        _everKey[account] = true;
    }

    function _now() internal view returns (uint64) {
        return uint64(block.timestamp);
    }

    function _hasAnyRole(address account) private view returns (bool) {
        return hasRole(DEFAULT_ADMIN_ROLE, account) || hasRole(ACCREDITOR_ROLE, account)
            || hasRole(REGULATOR_ROLE, account) || hasRole(PAUSER_ROLE, account);
    }
}
