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

    /// @notice A key of an issuer, active in [from, until). `purposes` is a set: 1 anchor, 2 status.
    struct Key {
        uint64 from;
        uint64 until;
        uint8 purposes;
        Custody custody;
    }

    /// @notice One anchored batch, written once. `window` is the index of the window it was anchored in.
    struct Anchor {
        bytes32 root;
        uint64 size;
        uint64 blockTime;
        uint64 blockNumber;
        uint64 window;
        address key;
    }

    /// @notice The last status written for a leaf; all zero for a leaf that was never touched.
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
        bytes32 indexed issuerId,
        address indexed key,
        address accreditor,
        uint64 loggedAt,
        uint64 logIndex
    );

    event Anchored(
        bytes32 indexed issuerId,
        uint64 indexed sequence,
        bytes32 root,
        uint64 size,
        uint64 window,
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
    error RegistryBadSuccessor(bytes32 leafHash, Status wanted, bytes32 successor);

    /// @notice Opens a window for an issuer, after the issuer's last one; a `from` of zero means this block's time.
    /// @dev Requirements: caller is an accreditor; `from` is not in the past and not before the last window's end;
    /// the last window has begun; `until` is after `from`; scope and profile digest are not zero. Emits WindowOpened.
    /// @return window The new window's index.
    function openWindow(bytes32 issuerId, uint64 from, uint64 until, uint256 scope, bytes32 profileDigest)
        external
        returns (uint64 window);

    /// @notice Ends a window earlier than it was to end, never in the past; an `until` of zero means the next second.
    /// @dev Requirements: caller is an accreditor; `until` lies in (block time, the window's end). Emits WindowClosed.
    function closeWindow(bytes32 issuerId, uint64 window, uint64 until) external;

    /// @notice Gives an issuer a key, active from this block on.
    /// @dev Requirements: caller is an accreditor; the issuer never had this key; purposes and custody are named.
    /// Emits KeyAdded.
    function addKey(bytes32 issuerId, address key, uint8 purposes, Custody custody) external;

    /// @notice Retires a key from the next second on; it never comes back.
    /// @dev Requirements: caller is an accreditor; the key is active. Emits KeyRetired.
    function retireKey(bytes32 issuerId, address key) external;

    /// @notice Anchors the root and size of one batch of an issuer.
    /// @dev Requirements: caller is an active anchor key of the issuer; a window is open; `sequence` is the last one
    /// plus one; root is not zero; size is at least one. Emits Anchored.
    function anchor(bytes32 issuerId, uint64 sequence, bytes32 root, uint64 size) external;

    /// @notice Changes the status of a leaf of an issuer.
    /// @dev Requirements: caller is an active status key of the issuer, or a regulator; active and suspended change
    /// into each other, both into superseded and revoked, superseded into revoked only, revoked into nothing; an
    /// issuer does not lift a regulator's suspension; `successor` is another leaf exactly when superseded.
    /// A closed window does not hinder. Emits StatusChanged.
    function setStatus(
        bytes32 issuerId,
        bytes32 leafHash,
        Status status,
        uint8 reason,
        bool fromBeginning,
        bytes32 successor
    ) external;

    /// @notice The anchor of an issuer's sequence number; all zero when there is none.
    function anchorOf(bytes32 issuerId, uint64 sequence) external view returns (Anchor memory);

    /// @notice The last sequence number of an issuer; zero when it never anchored.
    function lastSequence(bytes32 issuerId) external view returns (uint64);

    /// @notice The status record of a leaf; all zero, thus active, when none was written.
    function statusOf(bytes32 issuerId, bytes32 leafHash) external view returns (StatusRecord memory);

    /// @notice How many windows an issuer ever had.
    function windowCount(bytes32 issuerId) external view returns (uint64);

    /// @notice A window of an issuer; all zero when there is none.
    function windowOf(bytes32 issuerId, uint64 window) external view returns (Window memory);

    /// @notice A key of an issuer; all zero when there is none.
    function keyOf(bytes32 issuerId, address key) external view returns (Key memory);

    /// @notice Size and root of the log of all state changes; the root of the empty log is SHA-256 of nothing.
    function checkpoint() external view returns (uint64 size, bytes32 root);

    /// @notice Whether a leaf hash stands at an index of an anchored batch, by RFC 9162 2.1.3.2.
    function verifyInclusion(
        bytes32 issuerId,
        uint64 sequence,
        bytes32 leafHash,
        uint64 leafIndex,
        bytes32[] calldata path
    ) external view returns (bool);
}
