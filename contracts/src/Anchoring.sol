// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Accreditation} from "./Accreditation.sol";
import {ICertificateRegistry} from "./ICertificateRegistry.sol";
import {Rfc9162} from "./Rfc9162.sol";

/// @title Anchors, nights without one, and what is re-attested after a key was stolen
abstract contract Anchoring is Accreditation, EIP712 {
    bytes32 private constant APPROVAL_TYPEHASH =
        keccak256("Approval(bytes32 issuerId,uint64 sequence,bytes32 root,uint64 size,uint64 deadline)");

    /// @dev How far an issuer has come: its last sequence number, and the last night that it closed.
    struct Progress {
        uint64 sequence;
        uint64 night;
    }

    mapping(bytes32 issuerId => Progress) private _progress;
    mapping(bytes32 issuerId => mapping(uint64 sequence => Anchor)) private _anchors;
    mapping(bytes32 issuerId => mapping(uint64 sequence => Reattestation)) private _reattestations;

    /// @inheritdoc ICertificateRegistry
    function anchor(bytes32 issuerId, uint64 sequence, bytes32 root, uint64 size) external {
        _anchor(issuerId, sequence, root, size, msg.sender);
    }

    /// @inheritdoc ICertificateRegistry
    function anchorApproved(
        bytes32 issuerId,
        uint64 sequence,
        bytes32 root,
        uint64 size,
        uint64 deadline,
        address approver,
        bytes calldata signature
    ) external {
        if (block.timestamp > deadline) revert RegistryApprovalExpired(deadline);
        bytes32 digest = approvalDigest(issuerId, sequence, root, size, deadline);
        if (!SignatureChecker.isValidSignatureNow(approver, digest, signature)) {
            revert RegistryBadApproval(issuerId, approver);
        }
        _anchor(issuerId, sequence, root, size, approver);
    }

    /// @inheritdoc ICertificateRegistry
    function reattest(bytes32 issuerId, AnchorReference[] calldata anchors) external whenNotPaused {
        _requireKey(issuerId, msg.sender, PURPOSE_ANCHOR);
        if (anchors.length == 0) revert RegistryNothingGiven();
        for (uint256 i = 0; i < anchors.length; ++i) {
            uint64 sequence = anchors[i].sequence;
            bytes32 root = anchors[i].root;
            if (root == 0 || root != _anchors[issuerId][sequence].root || carriesWeight(issuerId, sequence)) {
                revert RegistryNothingToReattest(issuerId, sequence);
            }
            _reattestations[issuerId][sequence] = Reattestation({key: msg.sender, blockTime: _now()});

            uint64 logIndex = _nextLogIndex();
            emit Reattested(issuerId, sequence, root, msg.sender, _now(), logIndex);
            _append(abi.encode(Reattested.selector, issuerId, sequence, root, msg.sender, _now(), logIndex));
        }
    }

    /// @inheritdoc ICertificateRegistry
    function closeNight(bytes32 issuerId, uint64 night, uint64 sequence) external whenCurrent {
        _requireKey(issuerId, msg.sender, PURPOSE_ANCHOR | PURPOSE_CLOSE);
        Progress storage progress = _progress[issuerId];
        if (sequence != progress.sequence) revert RegistryBadSequence(issuerId, progress.sequence, sequence);
        // East of Greenwich a night has its date before the UTC day begins.
        if (night <= progress.night || night > block.timestamp / 1 days + 1) {
            revert RegistryBadNight(issuerId, progress.night, night);
        }
        progress.night = night;

        uint64 logIndex = _nextLogIndex();
        emit NightClosed(issuerId, night, sequence, msg.sender, _now(), logIndex);
        _append(abi.encode(NightClosed.selector, issuerId, night, sequence, msg.sender, _now(), logIndex));
    }

    /// @inheritdoc ICertificateRegistry
    function anchorOf(bytes32 issuerId, uint64 sequence) external view returns (Anchor memory) {
        return _anchors[issuerId][sequence];
    }

    /// @inheritdoc ICertificateRegistry
    function reattestationOf(bytes32 issuerId, uint64 sequence) external view returns (Reattestation memory) {
        return _reattestations[issuerId][sequence];
    }

    /// @inheritdoc ICertificateRegistry
    function lastSequence(bytes32 issuerId) external view returns (uint64) {
        return _progress[issuerId].sequence;
    }

    /// @inheritdoc ICertificateRegistry
    function lastNight(bytes32 issuerId) external view returns (uint64) {
        return _progress[issuerId].night;
    }

    /// @inheritdoc ICertificateRegistry
    function verifyInclusion(
        bytes32 issuerId,
        uint64 sequence,
        bytes32 leafHash,
        uint64 leafIndex,
        bytes32[] calldata path
    ) public view returns (bool) {
        Anchor storage anchored = _anchors[issuerId][sequence];
        return Rfc9162.verifyInclusion(leafHash, leafIndex, anchored.size, path, anchored.root);
    }

    /// @inheritdoc ICertificateRegistry
    function carriesWeight(bytes32 issuerId, uint64 sequence) public view returns (bool) {
        Anchor storage anchored = _anchors[issuerId][sequence];
        if (anchored.size == 0) return false;
        if (_isSound(issuerId, anchored.key, anchored.blockTime)) return true;
        Reattestation storage again = _reattestations[issuerId][sequence];
        return again.key != address(0) && _isSound(issuerId, again.key, again.blockTime);
    }

    /// @inheritdoc ICertificateRegistry
    function approvalDigest(bytes32 issuerId, uint64 sequence, bytes32 root, uint64 size, uint64 deadline)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(APPROVAL_TYPEHASH, issuerId, sequence, root, size, deadline)));
    }

    function _anchor(bytes32 issuerId, uint64 sequence, bytes32 root, uint64 size, address key)
        private
        whenNotPaused
        whenCurrent
    {
        _requireKey(issuerId, key, PURPOSE_ANCHOR);
        if (root == 0) revert RegistryZeroRoot();
        if (size == 0) revert RegistryEmptyTree();
        uint64 expected = _progress[issuerId].sequence + 1;
        if (sequence != expected) revert RegistryBadSequence(issuerId, expected, sequence);
        uint64 window = _openWindow(issuerId);
        _progress[issuerId].sequence = sequence;
        _anchors[issuerId][sequence] = Anchor({
            root: root, size: size, blockTime: _now(), blockNumber: uint64(block.number), window: window, key: key
        });

        uint64 logIndex = _nextLogIndex();
        emit Anchored(issuerId, sequence, root, size, window, key, msg.sender, _now(), logIndex);
        _append(
            abi.encode(Anchored.selector, issuerId, sequence, root, size, window, key, msg.sender, _now(), logIndex)
        );
    }
}
