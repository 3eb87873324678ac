// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ICertificateRegistry} from "./ICertificateRegistry.sol";
import {RegistryLog} from "./RegistryLog.sol";
import {Rfc9162} from "./Rfc9162.sol";

/// @title The registry of accredited issuers, anchored batches and certificate statuses
/// @notice No proxy, no upgrade, no ether, no call to another contract. Times are block times in seconds.
contract CertificateRegistry is ICertificateRegistry, AccessControlDefaultAdminRules, RegistryLog {
    bytes32 public constant ACCREDITOR_ROLE = keccak256("ACCREDITOR_ROLE");
    bytes32 public constant REGULATOR_ROLE = keccak256("REGULATOR_ROLE");

    uint8 private constant PURPOSE_ANCHOR = 1;
    uint8 private constant PURPOSE_STATUS = 2;
    uint8 private constant PURPOSES = PURPOSE_ANCHOR | PURPOSE_STATUS;

    mapping(bytes32 issuerId => Window[]) private _windows;
    mapping(bytes32 issuerId => mapping(address key => Key)) private _keys;
    mapping(bytes32 issuerId => uint64) private _lastSequence;
    mapping(bytes32 issuerId => mapping(uint64 sequence => Anchor)) private _anchors;
    mapping(bytes32 issuerId => mapping(bytes32 leafHash => StatusRecord)) private _statuses;

    constructor(uint48 adminDelay, address admin) AccessControlDefaultAdminRules(adminDelay, admin) {}

    /// @inheritdoc ICertificateRegistry
    function openWindow(bytes32 issuerId, uint64 from, uint64 until, uint256 scope, bytes32 profileDigest)
        external
        onlyRole(ACCREDITOR_ROLE)
        returns (uint64 window)
    {
        if (issuerId == 0) revert RegistryZeroIssuer();
        if (scope == 0) revert RegistryEmptyScope(issuerId);
        if (profileDigest == 0) revert RegistryZeroProfile(issuerId);
        Window[] storage windows = _windows[issuerId];
        window = uint64(windows.length);
        if (from == 0) from = _now();
        if (from < block.timestamp || until <= from) revert RegistryBadWindow(issuerId, from, until);
        if (window != 0) {
            Window storage last = windows[window - 1];
            // At most one window lies in the future, so that the open one is always the last or the last but one.
            if (last.from > block.timestamp || from < last.until) revert RegistryBadWindow(issuerId, from, until);
        }
        windows.push(Window({from: from, until: until, scope: scope, profileDigest: profileDigest}));

        uint64 logIndex = _nextLogIndex();
        emit WindowOpened(issuerId, window, from, until, scope, profileDigest, msg.sender, _now(), logIndex);
        _append(
            abi.encode(
                WindowOpened.selector,
                issuerId,
                window,
                from,
                until,
                scope,
                profileDigest,
                msg.sender,
                _now(),
                logIndex
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
    {
        if (issuerId == 0) revert RegistryZeroIssuer();
        if (key == address(0) || purposes == 0 || purposes > PURPOSES || custody == Custody.Unknown) {
            revert RegistryBadKey(key, purposes, custody);
        }
        if (_keys[issuerId][key].from != 0) revert RegistryKeyExists(issuerId, key);
        _keys[issuerId][key] = Key({from: _now(), until: type(uint64).max, purposes: purposes, custody: custody});

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
    function anchor(bytes32 issuerId, uint64 sequence, bytes32 root, uint64 size) external {
        _requireKey(issuerId, msg.sender, PURPOSE_ANCHOR);
        if (root == 0) revert RegistryZeroRoot();
        if (size == 0) revert RegistryEmptyTree();
        uint64 expected = _lastSequence[issuerId] + 1;
        if (sequence != expected) revert RegistryBadSequence(issuerId, expected, sequence);
        uint64 window = _openWindow(issuerId);
        _lastSequence[issuerId] = sequence;
        _anchors[issuerId][sequence] = Anchor({
            root: root,
            size: size,
            blockTime: _now(),
            blockNumber: uint64(block.number),
            window: window,
            key: msg.sender
        });

        uint64 logIndex = _nextLogIndex();
        emit Anchored(issuerId, sequence, root, size, window, msg.sender, _now(), logIndex);
        _append(abi.encode(Anchored.selector, issuerId, sequence, root, size, window, msg.sender, _now(), logIndex));
    }

    /// @inheritdoc ICertificateRegistry
    function setStatus(
        bytes32 issuerId,
        bytes32 leafHash,
        Status status,
        uint8 reason,
        bool fromBeginning,
        bytes32 successor
    ) external {
        if (issuerId == 0) revert RegistryZeroIssuer();
        if (leafHash == 0) revert RegistryZeroLeaf();
        bool byRegulator = hasRole(REGULATOR_ROLE, msg.sender);
        if (!byRegulator) _requireKey(issuerId, msg.sender, PURPOSE_STATUS);
        StatusRecord storage record = _statuses[issuerId][leafHash];
        _requireTransition(issuerId, leafHash, record, status, byRegulator);
        if ((status == Status.Superseded) != (successor != 0) || successor == leafHash) {
            revert RegistryBadSuccessor(leafHash, status, successor);
        }
        record.status = status;
        record.fromBeginning = fromBeginning;
        record.byRegulator = byRegulator;
        record.reason = reason;
        record.blockTime = _now();
        record.writer = msg.sender;
        record.successor = successor;
        _logStatus(issuerId, leafHash, record);
    }

    /// @inheritdoc ICertificateRegistry
    function anchorOf(bytes32 issuerId, uint64 sequence) external view returns (Anchor memory) {
        return _anchors[issuerId][sequence];
    }

    /// @inheritdoc ICertificateRegistry
    function lastSequence(bytes32 issuerId) external view returns (uint64) {
        return _lastSequence[issuerId];
    }

    /// @inheritdoc ICertificateRegistry
    function statusOf(bytes32 issuerId, bytes32 leafHash) external view returns (StatusRecord memory) {
        return _statuses[issuerId][leafHash];
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

    /// @inheritdoc ICertificateRegistry
    function checkpoint() external view returns (uint64 size, bytes32 root) {
        return _checkpoint();
    }

    /// @inheritdoc ICertificateRegistry
    function verifyInclusion(
        bytes32 issuerId,
        uint64 sequence,
        bytes32 leafHash,
        uint64 leafIndex,
        bytes32[] calldata path
    ) external view returns (bool) {
        Anchor storage anchored = _anchors[issuerId][sequence];
        return Rfc9162.verifyInclusion(leafHash, leafIndex, anchored.size, path, anchored.root);
    }

    function _now() private view returns (uint64) {
        return uint64(block.timestamp);
    }

    function _isActive(Key storage key) private view returns (bool) {
        return key.from != 0 && block.timestamp < key.until;
    }

    function _requireKey(bytes32 issuerId, address account, uint8 purpose) private view {
        Key storage key = _keys[issuerId][account];
        if (!_isActive(key) || key.purposes & purpose == 0) revert RegistryKeyNotActive(issuerId, account, purpose);
    }

    /// @dev The window that holds this block's time: the last one, or the one before while the last lies ahead.
    function _openWindow(bytes32 issuerId) private view returns (uint64) {
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

    function _requireTransition(
        bytes32 issuerId,
        bytes32 leafHash,
        StatusRecord storage record,
        Status wanted,
        bool byRegulator
    ) private view {
        Status current = record.status;
        bool legal = current == Status.Superseded ? wanted == Status.Revoked : current != Status.Revoked;
        if (!legal || wanted == current) revert RegistryBadTransition(issuerId, leafHash, current, wanted);
        // Revoking goes further than suspending; anything else would lift the regulator's hand.
        if (current == Status.Suspended && record.byRegulator && !byRegulator && wanted != Status.Revoked) {
            revert RegistryHeldByRegulator(issuerId, leafHash);
        }
    }

    function _logStatus(bytes32 issuerId, bytes32 leafHash, StatusRecord memory record) private {
        uint64 logIndex = _nextLogIndex();
        emit StatusChanged(
            issuerId,
            leafHash,
            record.status,
            record.reason,
            record.fromBeginning,
            record.successor,
            record.byRegulator,
            record.writer,
            record.blockTime,
            logIndex
        );
        _append(
            abi.encode(
                StatusChanged.selector,
                issuerId,
                leafHash,
                record.status,
                record.reason,
                record.fromBeginning,
                record.successor,
                record.byRegulator,
                record.writer,
                record.blockTime,
                logIndex
            )
        );
    }
}
