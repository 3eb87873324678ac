// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchoring} from "./Anchoring.sol";
import {ICertificateRegistry} from "./ICertificateRegistry.sol";

/// @title The statuses of leaves, of which a stolen key's writings weigh nothing
/// @notice A leaf keeps what was written for it in order. What stands is the last record that carries weight, so that a
/// declared compromise brings back what stood before the thief. Records without weight are dropped with the next writing:
/// a compromise only ever reaches further back, so that they never regain it.
abstract contract Statuses is Anchoring {
    /// @notice How many records an issuer's reversible changes may fill, so that a thief cannot make a leaf's history too
    /// long to be read. Superseding and revoking have room beyond it, and a regulator is not bound by it.
    uint256 public constant MAX_REVERSIBLE_RECORDS = 64;

    mapping(bytes32 issuerId => mapping(bytes32 leafHash => StatusRecord[])) private _histories;

    /// @inheritdoc ICertificateRegistry
    function setStatus(bytes32 issuerId, bytes32[] calldata leafHashes, Status status, uint8 reason, bool fromBeginning)
        external
    {
        if (leafHashes.length == 0) revert RegistryNothingGiven();
        bool byRegulator = _requireWriter(issuerId);
        for (uint256 i = 0; i < leafHashes.length; ++i) {
            bytes32 leafHash = leafHashes[i];
            if (status == Status.Superseded) revert RegistryBadSuccessor(leafHash, 0);
            _write(issuerId, leafHash, _record(status, reason, fromBeginning, byRegulator, 0));
        }
    }

    /// @inheritdoc ICertificateRegistry
    function supersede(
        bytes32 issuerId,
        bytes32 leafHash,
        uint8 reason,
        bool fromBeginning,
        LeafReference calldata newer
    ) external {
        bool byRegulator = _requireWriter(issuerId);
        if (
            newer.leafHash == leafHash || !carriesWeight(issuerId, newer.sequence)
                || statusOf(issuerId, newer.leafHash).status != Status.Active
                || !verifyInclusion(issuerId, newer.sequence, newer.leafHash, newer.leafIndex, newer.path)
        ) revert RegistryBadSuccessor(leafHash, newer.leafHash);
        _write(issuerId, leafHash, _record(Status.Superseded, reason, fromBeginning, byRegulator, newer.leafHash));
    }

    /// @inheritdoc ICertificateRegistry
    function statusCount(bytes32 issuerId, bytes32 leafHash) external view returns (uint64) {
        return uint64(_histories[issuerId][leafHash].length);
    }

    /// @inheritdoc ICertificateRegistry
    function statusAt(bytes32 issuerId, bytes32 leafHash, uint64 index)
        external
        view
        returns (StatusRecord memory found)
    {
        StatusRecord[] storage history = _histories[issuerId][leafHash];
        if (index < history.length) found = history[index];
    }

    /// @inheritdoc ICertificateRegistry
    function statusOf(bytes32 issuerId, bytes32 leafHash) public view returns (StatusRecord memory) {
        StatusRecord[] storage history = _histories[issuerId][leafHash];
        return _at(history, _standing(issuerId, history));
    }

    /// @dev How many records there are up to the last one that carries weight.
    function _standing(bytes32 issuerId, StatusRecord[] storage history) private view returns (uint256 count) {
        count = history.length;
        while (count != 0 && !_recordWeighs(issuerId, history[count - 1])) --count;
    }

    /// @dev The last of the first `count` records; all zero when there is none.
    function _at(StatusRecord[] storage history, uint256 count) private view returns (StatusRecord memory found) {
        if (count != 0) found = history[count - 1];
    }

    function _recordWeighs(bytes32 issuerId, StatusRecord storage record) private view returns (bool) {
        return record.byRegulator || _isSound(issuerId, record.writer, record.blockTime);
    }

    function _requireWriter(bytes32 issuerId) private view whenCurrent returns (bool byRegulator) {
        if (issuerId == 0) revert RegistryZeroIssuer();
        byRegulator = hasRole(REGULATOR_ROLE, msg.sender);
        if (!byRegulator) _requireKey(issuerId, msg.sender, PURPOSE_STATUS);
    }

    function _record(Status status, uint8 reason, bool fromBeginning, bool byRegulator, bytes32 successorLeaf)
        private
        view
        returns (StatusRecord memory)
    {
        return StatusRecord({
            status: status,
            fromBeginning: fromBeginning,
            byRegulator: byRegulator,
            reason: reason,
            blockTime: _now(),
            writer: msg.sender,
            successor: successorLeaf
        });
    }

    function _write(bytes32 issuerId, bytes32 leafHash, StatusRecord memory record) private {
        if (leafHash == 0) revert RegistryZeroLeaf();
        StatusRecord[] storage history = _histories[issuerId][leafHash];
        uint256 standing = _standing(issuerId, history);
        while (history.length > standing) history.pop();
        _requireTransition(issuerId, leafHash, history, record);
        history.push(record);

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

    function _requireTransition(
        bytes32 issuerId,
        bytes32 leafHash,
        StatusRecord[] storage history,
        StatusRecord memory wanted
    ) private view {
        uint256 count = history.length;
        StatusRecord memory current = _at(history, count);
        bool isLegal;
        bool isAffirmed = wanted.status == current.status;
        if (isAffirmed) {
            // Another writer may put its own weight behind what stands; a compromise of the first key then changes nothing.
            isLegal = current.status != Status.Active && wanted.writer != current.writer
                && wanted.successor == current.successor;
        } else if (current.status == Status.Superseded) {
            isLegal = wanted.status == Status.Revoked;
        } else {
            isLegal = current.status != Status.Revoked;
        }
        if (!isLegal) revert RegistryBadTransition(issuerId, leafHash, current.status, wanted.status);
        if (wanted.byRegulator) return;
        // Revoking goes further than suspending; anything else would lift the regulator's hand.
        if (current.byRegulator && current.status != Status.Active && (isAffirmed || wanted.status != Status.Revoked)) {
            revert RegistryHeldByRegulator(issuerId, leafHash);
        }
        bool isFinal = wanted.status == Status.Superseded || wanted.status == Status.Revoked;
        if (count >= MAX_REVERSIBLE_RECORDS && (isAffirmed || !isFinal)) {
            revert RegistryTooManyRecords(issuerId, leafHash);
        }
    }
}
