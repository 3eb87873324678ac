// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a certificate registry keeps, tells and refuses
/// @notice Source of truth for issuers, their windows and keys, anchored roots and certificate statuses.
///
/// Every state change emits exactly one event whose last two parameters are `loggedAt` and `logIndex`. The
/// concatenation of that event's topics and data is the entry at `logIndex` of one RFC 9162 log, whose size and root
/// `checkpoint` returns: anybody rebuilds the log from events alone.
interface ICertificateRegistry {
    /// @notice Where a certificate stands. The order of the members is part of the log's format.
    enum Status {
        Active,
        Suspended,
        Superseded,
        Revoked
    }

    /// @notice Who holds a key's secret.
    enum Custody {
        Unknown,
        Institute,
        Operator
    }

    /// @notice A span of time [from, until) in which an issuer is accredited for some kinds of training.
    struct Window {
        uint64 from;
        uint64 until;
        uint256 scope;
        bytes32 profileDigest;
    }

    /// @notice A key of an issuer, active in [from, until) unless compromised. `purposes` is a set: 1 anchor, 2 status,
    /// 4 close nights. What it did at or after `compromisedSince` carries no weight; zero means never declared.
    struct Key {
        uint64 from;
        uint64 until;
        uint64 compromisedSince;
        uint8 purposes;
        Custody custody;
    }

    /// @notice One anchored batch, written once. `window` is the index of the window it was anchored in; `key` is the
    /// issuer's key that sent or approved it.
    struct Anchor {
        bytes32 root;
        uint64 size;
        uint64 blockTime;
        uint64 blockNumber;
        uint64 window;
        address key;
    }

    /// @notice The key that put its weight behind an anchor whose own key was declared compromised, and when.
    struct Reattestation {
        address key;
        uint64 blockTime;
    }

    /// @notice An anchor as its re-attester knows it. The root is stated, so that nobody re-attests blindly.
    struct AnchorReference {
        uint64 sequence;
        bytes32 root;
    }

    /// @notice A leaf with its place in an anchored batch and the RFC 9162 path that proves it.
    struct LeafReference {
        bytes32 leafHash;
        uint64 sequence;
        uint64 leafIndex;
        bytes32[] path;
    }

    /// @notice One writing of a leaf's status; all zero where nothing was written.
    struct StatusRecord {
        Status status;
        bool fromBeginning;
        bool byRegulator;
        uint8 reason;
        uint64 blockTime;
        address writer;
        bytes32 successor;
    }

    event WindowOpened(
        bytes32 indexed issuerId,
        uint64 indexed window,
        uint64 from,
        uint64 until,
        uint256 scope,
        bytes32 profileDigest,
        address accreditor,
        uint64 loggedAt,
        uint64 logIndex
    );

    event WindowClosed(
        bytes32 indexed issuerId,
        uint64 indexed window,
        uint64 until,
        address accreditor,
        uint64 loggedAt,
        uint64 logIndex
    );

    event KeyAdded(
        bytes32 indexed issuerId,
        address indexed key,
        uint8 purposes,
        Custody custody,
        address accreditor,
        uint64 loggedAt,
        uint64 logIndex
    );

    event KeyRetired(
        bytes32 indexed issuerId, address indexed key, address accreditor, uint64 loggedAt, uint64 logIndex
    );

    event CompromiseDeclared(
        bytes32 indexed issuerId,
        address indexed key,
        uint64 since,
        address accreditor,
        uint64 loggedAt,
        uint64 logIndex
    );

    /// @dev `sender` differs from `key` where an approval was relayed.
    event Anchored(
        bytes32 indexed issuerId,
        uint64 indexed sequence,
        bytes32 root,
        uint64 size,
        uint64 window,
        address key,
        address sender,
        uint64 loggedAt,
        uint64 logIndex
    );

    event Reattested(
        bytes32 indexed issuerId, uint64 indexed sequence, bytes32 root, address key, uint64 loggedAt, uint64 logIndex
    );

    /// @dev `night` is a date as days since 1970-01-01, on the issuer's calendar.
    event NightClosed(
        bytes32 indexed issuerId,
        uint64 indexed night,
        uint64 lastSequence,
        address key,
        uint64 loggedAt,
        uint64 logIndex
    );

    event StatusChanged(
        bytes32 indexed issuerId,
        bytes32 indexed leafHash,
        Status status,
        uint8 reason,
        bool fromBeginning,
        bytes32 successor,
        bool byRegulator,
        address writer,
        uint64 loggedAt,
        uint64 logIndex
    );

    event Paused(address indexed pauser, uint64 until, uint64 loggedAt, uint64 logIndex);

    event Unpaused(address indexed admin, uint64 loggedAt, uint64 logIndex);

    event SuccessorSet(address indexed successor, address admin, uint64 loggedAt, uint64 logIndex);

    error RegistryZeroIssuer();
    error RegistryZeroRoot();
    error RegistryEmptyTree();
    error RegistryBadSequence(bytes32 issuerId, uint64 expected, uint64 given);
    error RegistryNotAccredited(bytes32 issuerId, uint64 blockTime);
    error RegistryKeyNotActive(bytes32 issuerId, address key, uint8 purpose);
    error RegistryKeyExists(bytes32 issuerId, address key);
    error RegistryBadKey(address key, uint8 purposes, Custody custody);
    error RegistryBadWindow(bytes32 issuerId, uint64 from, uint64 until);
    error RegistryEmptyScope(bytes32 issuerId);
    error RegistryZeroProfile(bytes32 issuerId);
    error RegistryUnknownWindow(bytes32 issuerId, uint64 window);
    error RegistryZeroLeaf();
    error RegistryBadTransition(bytes32 issuerId, bytes32 leafHash, Status current, Status wanted);
    error RegistryHeldByRegulator(bytes32 issuerId, bytes32 leafHash);
    error RegistryBadSuccessor(bytes32 leafHash, bytes32 successor);
    error RegistryTooManyRecords(bytes32 issuerId, bytes32 leafHash);
    error RegistryNothingGiven();
    error RegistryUnknownKey(bytes32 issuerId, address key);
    error RegistryBadCompromise(bytes32 issuerId, address key, uint64 declared, uint64 given);
    error RegistryNothingToReattest(bytes32 issuerId, uint64 sequence);
    error RegistryApprovalExpired(uint64 deadline);
    error RegistryBadApproval(bytes32 issuerId, address approver);
    error RegistryBadNight(bytes32 issuerId, uint64 last, uint64 given);
    error RegistryRolesNotSeparate(address account);
    error RegistryPaused(uint64 until);
    error RegistryNotPaused();
    error RegistrySucceeded(address successor);
    error RegistryBadRegistry(address given);

    /// @notice Opens a window for an issuer, after the issuer's last one; a `from` of zero means this block's time.
    /// @dev Requirements: caller is an accreditor; not paused; `from` is not in the past and not before the last
    /// window's end; the last window has begun; `until` is after `from`; scope and profile digest are not zero.
    /// A last window that was closed before it began counts for nothing, and the new one takes its place.
    /// Emits WindowOpened.
    /// @return window The new window's index.
    function openWindow(bytes32 issuerId, uint64 from, uint64 until, uint256 scope, bytes32 profileDigest)
        external
        returns (uint64 window);

    /// @notice Ends a window earlier than it was to end, never in the past; an `until` of zero means the next second.
    /// One that ends no later than it begins is empty: it is taken back.
    /// @dev Requirements: caller is an accreditor; `until` lies in (block time, the window's end). Emits WindowClosed.
    function closeWindow(bytes32 issuerId, uint64 window, uint64 until) external;

    /// @notice Gives an issuer a key, active from this block on.
    /// @dev Requirements: caller is an accreditor; not paused; the issuer never had this key; purposes and custody are
    /// named; the account holds no role, and is not the pending admin. Emits KeyAdded.
    function addKey(bytes32 issuerId, address key, uint8 purposes, Custody custody) external;

    /// @notice Retires a key from the next second on; it never comes back.
    /// @dev Requirements: caller is an accreditor; the key is active. Emits KeyRetired.
    function retireKey(bytes32 issuerId, address key) external;

    /// @notice Declares that a key was in wrong hands from an instant on; a `since` of zero means this block's time.
    /// The key acts no more, and what it did from then on, anchors and statuses alike, carries no weight.
    /// @dev Requirements: caller is an accreditor; the issuer has this key; `since` is not in the future, and earlier
    /// than any that was declared before. Works while paused. Emits CompromiseDeclared.
    function declareCompromise(bytes32 issuerId, address key, uint64 since) external;

    /// @notice Anchors the root and size of one batch of an issuer.
    /// @dev Requirements: caller is an active anchor key of the issuer; a window is open; `sequence` is the last one
    /// plus one; root is not zero; size is at least one; neither paused nor succeeded. Emits Anchored.
    function anchor(bytes32 issuerId, uint64 sequence, bytes32 root, uint64 size) external;

    /// @notice Anchors what an issuer's key approved by an EIP-712 signature; whoever sends it only pays.
    /// @dev Requirements: as `anchor`, with `approver` in the place of the caller; block time is not after `deadline`;
    /// the signature of `approvalDigest` is the approver's, by ECDSA or by ERC-1271. Emits Anchored.
    function anchorApproved(
        bytes32 issuerId,
        uint64 sequence,
        bytes32 root,
        uint64 size,
        uint64 deadline,
        address approver,
        bytes calldata signature
    ) external;

    /// @notice Puts the caller's weight behind anchors that lost theirs to a declared compromise.
    /// @dev Requirements: caller is an active anchor key of the issuer; not paused; each anchor exists with that root and
    /// carries no weight. Emits Reattested for each.
    function reattest(bytes32 issuerId, AnchorReference[] calldata anchors) external;

    /// @notice Records that an issuer had nothing to anchor on a night, so that silence always means outage.
    /// @dev Requirements: caller is an active anchor or close key of the issuer; `sequence` is the issuer's last one;
    /// `night` is later than the last closed one and at most a day ahead of UTC; not succeeded. Emits NightClosed.
    function closeNight(bytes32 issuerId, uint64 night, uint64 sequence) external;

    /// @notice Changes the status of leaves of an issuer to active, suspended or revoked.
    /// @dev Requirements: at least one leaf, none zero; caller is an active status key of the issuer, or a regulator;
    /// active and suspended change into each other and into revoked, superseded into revoked only, revoked into
    /// nothing; another writer may affirm what stands, unless it is active; an issuer neither lifts nor affirms what
    /// a regulator wrote; an issuer's reversible writings end at MAX_REVERSIBLE_RECORDS; not succeeded. A closed window
    /// and a pause do not hinder. Emits StatusChanged for each.
    function setStatus(bytes32 issuerId, bytes32[] calldata leafHashes, Status status, uint8 reason, bool fromBeginning)
        external;

    /// @notice Supersedes a leaf by another of the same issuer.
    /// @dev Requirements: as `setStatus`, from active or suspended; the successor is another leaf, active, proven to
    /// stand in a batch of the issuer that carries weight. Emits StatusChanged.
    function supersede(
        bytes32 issuerId,
        bytes32 leafHash,
        uint8 reason,
        bool fromBeginning,
        LeafReference calldata newer
    ) external;

    /// @notice Stops new anchors, re-attestations, windows and keys for PAUSE_SECONDS; statuses, compromises, closings,
    /// retirements and views go on.
    /// @dev Requirements: caller is a pauser; not paused. Emits Paused.
    function pause() external;

    /// @notice Ends a pause early.
    /// @dev Requirements: caller is the admin; paused. Emits Unpaused.
    function unpause() external;

    /// @notice Names the registry that carries on, for good: anchors, nights and statuses stop here.
    /// @dev Requirements: caller is the admin; none was named before; it is another contract. Emits SuccessorSet.
    function setSuccessor(address registry) external;

    /// @notice The anchor of an issuer's sequence number; all zero when there is none.
    function anchorOf(bytes32 issuerId, uint64 sequence) external view returns (Anchor memory);

    /// @notice The last re-attestation of an anchor; all zero when there is none.
    function reattestationOf(bytes32 issuerId, uint64 sequence) external view returns (Reattestation memory);

    /// @notice Whether there is an anchor whose key was sound at its time, or that a key re-attested which was.
    function carriesWeight(bytes32 issuerId, uint64 sequence) external view returns (bool);

    /// @notice The last sequence number of an issuer; zero when it never anchored.
    function lastSequence(bytes32 issuerId) external view returns (uint64);

    /// @notice The last night that an issuer closed, as days since 1970-01-01; zero when it never did.
    function lastNight(bytes32 issuerId) external view returns (uint64);

    /// @notice What stands for a leaf: the last record that carries weight; all zero, thus active, when there is none.
    function statusOf(bytes32 issuerId, bytes32 leafHash) external view returns (StatusRecord memory);

    /// @notice How many records a leaf keeps.
    function statusCount(bytes32 issuerId, bytes32 leafHash) external view returns (uint64);

    /// @notice A record of a leaf, with or without weight, oldest first; all zero when there is none.
    function statusAt(bytes32 issuerId, bytes32 leafHash, uint64 index) external view returns (StatusRecord memory);

    /// @notice How many windows an issuer ever had.
    function windowCount(bytes32 issuerId) external view returns (uint64);

    /// @notice A window of an issuer; all zero when there is none.
    function windowOf(bytes32 issuerId, uint64 window) external view returns (Window memory);

    /// @notice A key of an issuer; all zero when there is none.
    function keyOf(bytes32 issuerId, address key) external view returns (Key memory);

    /// @notice Until when the registry is paused; not after the block time when it is not.
    function pausedUntil() external view returns (uint64);

    /// @notice The registry that carries on; zero while this one does.
    function successor() external view returns (address);

    /// @notice Size and root of the log of all state changes; the root of the empty log is SHA-256 of nothing.
    function checkpoint() external view returns (uint64 size, bytes32 root);

    /// @notice The EIP-712 digest that an issuer's key signs to approve an anchor.
    function approvalDigest(bytes32 issuerId, uint64 sequence, bytes32 root, uint64 size, uint64 deadline)
        external
        view
        returns (bytes32);

    /// @notice Whether a leaf hash stands at an index of an anchored batch, by RFC 9162 2.1.3.2.
    function verifyInclusion(
        bytes32 issuerId,
        uint64 sequence,
        bytes32 leafHash,
        uint64 leafIndex,
        bytes32[] calldata path
    ) external view returns (bool);
}
