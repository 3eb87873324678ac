// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governance} from "./Governance.sol";
import {ICertificateRegistry} from "./ICertificateRegistry.sol";

/// @title Issuers: their windows, their keys, and what a stolen key's acts weigh
abstract contract Accreditation is Governance {
    uint8 internal constant PURPOSE_ANCHOR = 1;
    uint8 internal constant PURPOSE_STATUS = 2;
    uint8 internal constant PURPOSE_CLOSE = 4;
    uint8 private constant PURPOSES = PURPOSE_ANCHOR | PURPOSE_STATUS | PURPOSE_CLOSE;

    mapping(bytes32 issuerId => Window[]) private _windows;
    mapping(bytes32 issuerId => mapping(address key => Key)) private _keys;

    /// @inheritdoc ICertificateRegistry
    function openWindow(bytes32 issuerId, uint64 from, uint64 until, uint256 scope, bytes32 profileDigest)
        external
        onlyRole(ACCREDITOR_ROLE)
        whenNotPaused
        returns (uint64 window)
    {
        if (issuerId == 0) revert RegistryZeroIssuer();
        if (scope == 0) revert RegistryEmptyScope(issuerId);
        if (profileDigest == 0) revert RegistryZeroProfile(issuerId);
        if (from == 0) from = _now();
        if (from < block.timestamp || until <= from) revert RegistryBadWindow(issuerId, from, until);
        Window[] storage windows = _windows[issuerId];
        uint256 counted = _counted(windows);
        if (counted != 0) {
            Window storage last = windows[counted - 1];
            // At most one window lies in the future, so that the open one is always the last or the last but one.
            if (last.from > block.timestamp || from < last.until) revert RegistryBadWindow(issuerId, from, until);
        }
        // In the place of a last one that is empty: nothing was ever anchored in it.
        if (counted == windows.length) windows.push();
        windows[counted] = Window({from: from, until: until, scope: scope, profileDigest: profileDigest});
        window = uint64(counted);

        uint64 logIndex = _nextLogIndex();
        emit WindowOpened(issuerId, window, from, until, scope, profileDigest, msg.sender, _now(), logIndex);
        _append(
            abi.encode(
                WindowOpened.selector, issuerId, window, from, until, scope, profileDigest, msg.sender, _now(), logIndex
            )
        );
    }

    /// @inheritdoc ICertificateRegistry
    function closeWindow(bytes32 issuerId, uint64 window, uint64 until) external onlyRole(ACCREDITOR_ROLE) {
        Window[] storage windows = _windows[issuerId];
        if (window >= windows.length) revert RegistryUnknownWindow(issuerId, window);
        Window storage closing = windows[window];
        if (until == 0) until = _now() + 1;
        // Strictly later than this block, so that no anchor of this second falls out of its window.
        if (until <= block.timestamp || until >= closing.until) {
            revert RegistryBadWindow(issuerId, closing.from, until);
        }
        closing.until = until;

        uint64 logIndex = _nextLogIndex();
        emit WindowClosed(issuerId, window, until, msg.sender, _now(), logIndex);
        _append(abi.encode(WindowClosed.selector, issuerId, window, until, msg.sender, _now(), logIndex));
    }

    /// @inheritdoc ICertificateRegistry
    function addKey(bytes32 issuerId, address key, uint8 purposes, Custody custody)
        external
        onlyRole(ACCREDITOR_ROLE)
        whenNotPaused
    {
        if (issuerId == 0) revert RegistryZeroIssuer();
        if (key == address(0) || purposes == 0 || purposes > PURPOSES || custody == Custody.Unknown) {
            revert RegistryBadKey(key, purposes, custody);
        }
        if (_keys[issuerId][key].from != 0) revert RegistryKeyExists(issuerId, key);
        _markKey(key);
        _keys[issuerId][key] =
            Key({from: _now(), until: type(uint64).max, compromisedSince: 0, purposes: purposes, custody: custody});

        uint64 logIndex = _nextLogIndex();
        emit KeyAdded(issuerId, key, purposes, custody, msg.sender, _now(), logIndex);
        _append(abi.encode(KeyAdded.selector, issuerId, key, purposes, custody, msg.sender, _now(), logIndex));
    }

    /// @inheritdoc ICertificateRegistry
    function retireKey(bytes32 issuerId, address key) external onlyRole(ACCREDITOR_ROLE) {
        Key storage retiring = _keys[issuerId][key];
        if (!_isActive(retiring)) revert RegistryKeyNotActive(issuerId, key, retiring.purposes);
        // What this key did in this second stays inside [from, until).
        retiring.until = _now() + 1;

        uint64 logIndex = _nextLogIndex();
        emit KeyRetired(issuerId, key, msg.sender, _now(), logIndex);
        _append(abi.encode(KeyRetired.selector, issuerId, key, msg.sender, _now(), logIndex));
    }

    /// @inheritdoc ICertificateRegistry
    function declareCompromise(bytes32 issuerId, address key, uint64 since) external onlyRole(ACCREDITOR_ROLE) {
        Key storage stolen = _keys[issuerId][key];
        if (stolen.from == 0) revert RegistryUnknownKey(issuerId, key);
        if (since == 0) since = _now();
        uint64 declared = stolen.compromisedSince;
        if (since > block.timestamp || (declared != 0 && since >= declared)) {
            revert RegistryBadCompromise(issuerId, key, declared, since);
        }
        stolen.compromisedSince = since;

        uint64 logIndex = _nextLogIndex();
        emit CompromiseDeclared(issuerId, key, since, msg.sender, _now(), logIndex);
        _append(abi.encode(CompromiseDeclared.selector, issuerId, key, since, msg.sender, _now(), logIndex));
    }

    /// @inheritdoc ICertificateRegistry
    function windowCount(bytes32 issuerId) external view returns (uint64) {
        return uint64(_windows[issuerId].length);
    }

    /// @inheritdoc ICertificateRegistry
    function windowOf(bytes32 issuerId, uint64 window) external view returns (Window memory found) {
        if (window < _windows[issuerId].length) found = _windows[issuerId][window];
    }

    /// @inheritdoc ICertificateRegistry
    function keyOf(bytes32 issuerId, address key) external view returns (Key memory) {
        return _keys[issuerId][key];
    }

    /// @dev `purposes` is a set of which one is enough.
    function _requireKey(bytes32 issuerId, address account, uint8 purposes) internal view {
        Key storage key = _keys[issuerId][account];
        if (!_isActive(key) || key.purposes & purposes == 0) revert RegistryKeyNotActive(issuerId, account, purposes);
    }

    /// @dev Whether an act of an issuer's key at a time lies before any declared compromise of that key.
    function _isSound(bytes32 issuerId, address account, uint64 time) internal view returns (bool) {
        uint64 since = _keys[issuerId][account].compromisedSince;
        return since == 0 || time < since;
    }

    /// @dev How many windows count: all but a last one that is empty, because it was closed before it began. No other
    /// can be: every window but the last has begun, and closing is never in the past.
    function _counted(Window[] storage windows) private view returns (uint256 count) {
        count = windows.length;
        if (count != 0 && windows[count - 1].until <= windows[count - 1].from) --count;
    }

    /// @dev The window that holds this block's time: the last one, or the one before while the last lies ahead.
    function _openWindow(bytes32 issuerId) internal view returns (uint64) {
        Window[] storage windows = _windows[issuerId];
        uint256 count = windows.length;
        if (count > 1 && windows[count - 1].from > block.timestamp) --count;
        if (count == 0) revert RegistryNotAccredited(issuerId, _now());
        Window storage window = windows[count - 1];
        if (block.timestamp < window.from || block.timestamp >= window.until) {
            revert RegistryNotAccredited(issuerId, _now());
        }
        return uint64(count - 1);
    }

    function _isActive(Key storage key) private view returns (bool) {
        return key.from != 0 && block.timestamp < key.until && key.compromisedSince == 0;
    }
}
