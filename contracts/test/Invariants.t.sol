// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CertificateRegistry} from "../src/CertificateRegistry.sol";
import {ICertificateRegistry} from "../src/ICertificateRegistry.sol";
import {Rfc9162} from "../src/Rfc9162.sol";
import {Fixture, Stage} from "./Fixture.sol";
import {Vm} from "./Vm.sol";

/// @notice Does what actors do, rightly and wrongly, and keeps a model of its own: what the registry ought to hold.
/// @dev Keys come and go, and acts are mostly by one that may act. Roles never move but the admin's.
contract Actors is Stage {
    struct GhostKey {
        bool known;
        uint64 from;
        uint64 until;
        uint64 since;
        uint8 purposes;
    }

    struct GhostAnchor {
        bytes32 root;
        uint64 size;
        uint64 time;
        uint64 window;
        uint64 windowFrom;
        address key;
        uint64 keyFrom;
        address againKey;
        uint64 againTime;
    }

    struct GhostRecord {
        ICertificateRegistry.Status status;
        bool byRegulator;
        address writer;
        uint64 time;
    }

    struct GhostWindow {
        uint64 from;
        uint64 until;
    }

    bytes32[2] public issuers = [bytes32(uint256(0xA1)), bytes32(uint256(0xB2))];
    address[] public keys;
    bytes32[3] public leaves = [bytes32(uint256(1)), bytes32(uint256(2)), bytes32(uint256(3))];

    mapping(bytes32 => mapping(address => GhostKey)) public key;
    mapping(bytes32 => GhostAnchor[]) private _anchors;
    mapping(bytes32 => GhostWindow[]) private _windows;
    mapping(bytes32 => mapping(bytes32 => GhostRecord[])) private _records;
    mapping(bytes32 => uint64) public night;
    bytes32[] public log;
    uint64 public pausedUntil;
    address public admin;
    uint256 public adminBegun;
    uint256 public violations;

    constructor() {
        begin();
        for (uint256 i = 0; i < 6; ++i) {
            keys.push(address(uint160(0x1000 + i)));
        }
        admin = ADMIN;
        note();
        for (uint256 i = 0; i < 2; ++i) {
            window(issuers[i], 0, FOREVER);
            addKeyTo(issuers[i], keys[3 * i], 7);
        }
    }

    /// @dev The fixture's own issuer stays out of the model but for the log, which it begins.
    function note() private {
        vm.recordLogs();
        log.push(Rfc9162.leafHash(beginning(0)));
        log.push(Rfc9162.leafHash(beginning(1)));
    }

    function beginning(uint256 index) private view returns (bytes memory) {
        if (index == 0) {
            return abi.encode(
                ICertificateRegistry.WindowOpened.selector, ISSUER, 0, START, FOREVER, 1, PROFILE, ACCREDITOR, START, 0
            );
        }
        return abi.encode(ICertificateRegistry.KeyAdded.selector, ISSUER, KEY, 3, 1, ACCREDITOR, START, 1);
    }

    function target() external view returns (CertificateRegistry) {
        return registry;
    }

    function anchorCount(bytes32 issuer) external view returns (uint64) {
        return uint64(_anchors[issuer].length);
    }

    function ghostAnchor(bytes32 issuer, uint64 sequence) external view returns (GhostAnchor memory) {
        return _anchors[issuer][sequence - 1];
    }

    function windowCount(bytes32 issuer) external view returns (uint64) {
        return uint64(_windows[issuer].length);
    }

    function ghostWindow(bytes32 issuer, uint64 index) external view returns (GhostWindow memory) {
        return _windows[issuer][index];
    }

    /// @dev What the model says stands: the last record that no compromise voids.
    function standing(bytes32 issuer, bytes32 leaf) public view returns (GhostRecord memory found) {
        GhostRecord[] storage records = _records[issuer][leaf];
        for (uint256 i = records.length; i > 0; --i) {
            if (records[i - 1].byRegulator || isSound(issuer, records[i - 1].writer, records[i - 1].time)) {
                return records[i - 1];
            }
        }
    }

    function weighs(bytes32 issuer, uint64 sequence) public view returns (bool) {
        GhostAnchor storage one = _anchors[issuer][sequence - 1];
        return isSound(issuer, one.key, one.time)
            || (one.againKey != address(0) && isSound(issuer, one.againKey, one.againTime));
    }

    function isSound(bytes32 issuer, address account, uint64 when) private view returns (bool) {
        uint64 since = key[issuer][account].since;
        return since == 0 || when < since;
    }

    function logLength() external view returns (uint256) {
        return log.length;
    }

    // What actors do. Arguments are folded into what exists; a call that the rules refuse must change nothing.

    function pass(uint32 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 3 days + 1);
        vm.roll(block.number + 1);
    }

    function open(uint8 issuer, uint32 wait, uint32 length) external {
        uint64 from = time() + (wait % 4 == 0 ? wait % 5 days : 0);
        window(issuers[issuer % 2], from, from + length % 90 days);
    }

    function close(uint8 issuer, uint8 index, uint32 wait) external {
        bytes32 id = issuers[issuer % 2];
        uint64 place = uint64(index % (_windows[id].length + 1));
        uint64 until = time() + wait % 10 days;
        if (index % 4 != 0) return;
        vm.prank(ACCREDITOR);
        try registry.closeWindow(id, place, until) {
            if (until <= time() || until >= _windows[id][place].until) ++violations;
            _windows[id][place].until = until;
            take();
        } catch {
            refused();
        }
    }

    function add(uint8 issuer, uint8 which, uint8 purposes) external {
        if (which % 4 == 0) keys.push(address(uint160(0x1000 + keys.length)));
        address account = keys[keys.length - 1 - (which / 4) % 6];
        // Now and then it is who may become the admin, and nobody bars that.
        if (which % 16 == 1) (account,) = registry.pendingDefaultAdmin();
        addKeyTo(issuers[issuer % 2], account, purposes % 2 == 0 ? 7 : purposes % 9);
    }

    function retire(uint8 issuer, uint8 which) external {
        if (which % 8 != 0) return;
        bytes32 id = issuers[issuer % 2];
        address account = pick(id, which);
        bool isActive = active(id, account);
        vm.prank(ACCREDITOR);
        try registry.retireKey(id, account) {
            if (!isActive) ++violations;
            key[id][account].until = time() + 1;
            take();
        } catch {
            if (isActive) ++violations;
            refused();
        }
    }

    function compromise(uint8 issuer, uint8 which, uint32 back) external {
        if (back % 8 != 0) return;
        bytes32 id = issuers[issuer % 2];
        address account = pick(id, which);
        uint64 since = time() - back % 60 days;
        GhostKey storage ghost = key[id][account];
        bool isLegal = ghost.known && (ghost.since == 0 || since < ghost.since);
        vm.prank(ACCREDITOR);
        try registry.declareCompromise(id, account, since) {
            if (!isLegal) ++violations;
            ghost.since = since;
            take();
        } catch {
            if (isLegal) ++violations;
            refused();
        }
    }

    function anchorBatch(uint8 issuer, uint8 which, uint8 skip, uint8 zero) external {
        bytes32 id = issuers[issuer % 2];
        address account = pick(id, which);
        uint64 sequence = uint64(_anchors[id].length) + 1;
        if (skip % 8 == 0) sequence += skip / 8;
        bytes32 root = zero == 0 ? bytes32(0) : keccak256(abi.encode(id, sequence));
        uint64 size = zero == 1 ? 0 : zero;
        (bool isOpen, uint64 place) = openWindowOf(id);
        bool isLegal = active(id, account) && key[id][account].purposes & 1 != 0 && isOpen && time() >= pausedUntil
            && sequence == _anchors[id].length + 1 && root != 0 && size != 0;
        vm.prank(account);
        try registry.anchor(id, sequence, root, size) {
            if (!isLegal) ++violations;
            _anchors[id].push(
                GhostAnchor(
                    root, size, time(), place, _windows[id][place].from, account, key[id][account].from, address(0), 0
                )
            );
            take();
        } catch {
            if (isLegal) ++violations;
            refused();
        }
    }

    function reattestBatch(uint8 issuer, uint8 which, uint8 sequence_) external {
        bytes32 id = issuers[issuer % 2];
        address account = pick(id, which);
        if (_anchors[id].length == 0) return;
        uint64 sequence = uint64(sequence_ % _anchors[id].length) + 1;
        GhostAnchor storage ghost = _anchors[id][sequence - 1];
        bool isLegal =
            active(id, account) && key[id][account].purposes & 1 != 0 && time() >= pausedUntil && !weighs(id, sequence);
        ICertificateRegistry.AnchorReference[] memory given = references(sequence, ghost.root);
        vm.prank(account);
        try registry.reattest(id, given) {
            if (!isLegal) ++violations;
            (ghost.againKey, ghost.againTime) = (account, time());
            take();
        } catch {
            if (isLegal) ++violations;
            refused();
        }
    }

    function closeNightOf(uint8 issuer, uint8 which, uint8 ahead) external {
        bytes32 id = issuers[issuer % 2];
        address account = pick(id, which);
        uint64 wanted = time() / 1 days + ahead % 3;
        bool isLegal = active(id, account) && key[id][account].purposes & 5 != 0 && wanted > night[id]
            && wanted <= time() / 1 days + 1;
        vm.prank(account);
        try registry.closeNight(id, wanted, uint64(_anchors[id].length)) {
            if (!isLegal) ++violations;
            night[id] = wanted;
            take();
        } catch {
            if (isLegal) ++violations;
            refused();
        }
    }

    function write(uint8 issuer, uint8 which, uint8 leaf_, uint8 status_) external {
        bytes32 id = issuers[issuer % 2];
        bytes32 leaf = leaves[leaf_ % 3];
        bool byRegulator = which % 8 == 7;
        address writer = byRegulator ? REGULATOR : pick(id, which);
        // Revoking ends a leaf's history, so that it is the rarest.
        ICertificateRegistry.Status status = status_ % 8 == 0
            ? ICertificateRegistry.Status.Revoked
            : status_ % 2 == 0 ? ICertificateRegistry.Status.Suspended : ICertificateRegistry.Status.Active;
        GhostRecord memory current = standing(id, leaf);
        bool isLegal = byRegulator || (active(id, writer) && key[id][writer].purposes & 2 != 0);
        if (status == current.status) {
            isLegal = isLegal && status != ICertificateRegistry.Status.Active && writer != current.writer
                && (byRegulator || !current.byRegulator);
        } else {
            isLegal = isLegal && current.status != ICertificateRegistry.Status.Revoked
                && (byRegulator
                    || !current.byRegulator
                    || current.status == ICertificateRegistry.Status.Active
                    || status == ICertificateRegistry.Status.Revoked);
        }
        bytes32[] memory given = only(leaf);
        uint64 count = registry.statusCount(id, leaf);
        vm.prank(writer);
        try registry.setStatus(id, given, status, 0, false) {
            if (!isLegal) ++violations;
            _records[id][leaf].push(GhostRecord(status, byRegulator, writer, time()));
            take();
        } catch {
            // Only the bound on histories may refuse what the rules allow.
            if (isLegal && count < registry.MAX_REVERSIBLE_RECORDS()) ++violations;
            refused();
        }
    }

    function pauseOrNot(uint8 wanted) external {
        if (wanted % 8 > 1) return;
        if (wanted % 8 == 0) {
            vm.prank(PAUSER);
            try registry.pause() {
                if (time() < pausedUntil) ++violations;
                pausedUntil = time() + 7 days;
                take();
            } catch {
                if (time() >= pausedUntil) ++violations;
                refused();
            }
            return;
        }
        vm.prank(admin);
        try registry.unpause() {
            pausedUntil = time();
            take();
        } catch {
            refused();
        }
    }

    function changeAdmin(uint8 step) external {
        // An account of no role, or one that may be some issuer's key.
        address next = step % 8 == 0 ? keys[step % keys.length] : address(uint160(0xADAD0000 + step % 4));
        bool isKey = key[issuers[0]][next].known || key[issuers[1]][next].known;
        if (step % 2 == 0) {
            vm.prank(admin);
            try registry.beginDefaultAdminTransfer(next) {
                if (isKey) ++violations;
                adminBegun = block.timestamp;
            } catch {
                if (!isKey) ++violations;
            }
        } else {
            (address pending,) = registry.pendingDefaultAdmin();
            vm.prank(pending);
            try registry.acceptDefaultAdminTransfer() {
                if (adminBegun == 0 || block.timestamp <= adminBegun + ADMIN_DELAY) ++violations;
                admin = pending;
                adminBegun = 0;
            } catch {}
        }
        vm.getRecordedLogs();
    }

    function stranger(address caller, uint8 what) external {
        if (uint160(caller) >= 0x1000 && uint160(caller) < 0x1000 + keys.length) return;
        if (caller == ADMIN || caller == admin || caller == ACCREDITOR || caller == REGULATOR || caller == PAUSER) {
            return;
        }
        bytes32[] memory given = only(leaves[0]);
        vm.prank(caller);
        bool taken;
        if (what % 5 == 0) {
            try registry.openWindow(issuers[0], 0, FOREVER, 1, PROFILE) {
                taken = true;
            } catch {}
        }
        if (what % 5 == 1) {
            try registry.anchor(issuers[0], registry.lastSequence(issuers[0]) + 1, ROOT, 1) {
                taken = true;
            } catch {}
        }
        if (what % 5 == 2) {
            try registry.setStatus(issuers[0], given, ICertificateRegistry.Status.Revoked, 0, true) {
                taken = true;
            } catch {}
        }
        if (what % 5 == 3) {
            try registry.declareCompromise(issuers[0], keys[0], 1) {
                taken = true;
            } catch {}
        }
        if (what % 5 == 4) {
            try registry.pause() {
                taken = true;
            } catch {}
        }
        if (taken) ++violations;
        refused();
    }

    function window(bytes32 id, uint64 from, uint64 until) private {
        uint256 count = _windows[id].length;
        // What was closed before it began counts for nothing, and its place is the next one's.
        bool isTakenBack = count != 0 && _windows[id][count - 1].until <= _windows[id][count - 1].from;
        if (isTakenBack) --count;
        uint64 begins = from == 0 ? time() : from;
        bool isLegal = time() >= pausedUntil && begins >= time() && until > begins
            && (count == 0 || (_windows[id][count - 1].from <= time() && begins >= _windows[id][count - 1].until));
        vm.prank(ACCREDITOR);
        try registry.openWindow(id, from, until, 1, PROFILE) returns (uint64 place) {
            if (!isLegal || place != count) ++violations;
            if (isTakenBack) _windows[id].pop();
            _windows[id].push(GhostWindow(begins, until));
            take();
        } catch {
            if (isLegal) ++violations;
            refused();
        }
    }

    function addKeyTo(bytes32 id, address account, uint8 purposes) private {
        (address pending,) = registry.pendingDefaultAdmin();
        bool isLegal = time() >= pausedUntil && !key[id][account].known && purposes != 0 && purposes < 8
            && account != pending && account != admin && account != address(0);
        vm.prank(ACCREDITOR);
        try registry.addKey(id, account, purposes, ICertificateRegistry.Custody.Institute) {
            if (!isLegal) ++violations;
            key[id][account] = GhostKey(true, time(), FOREVER, 0, purposes);
            take();
        } catch {
            if (isLegal) ++violations;
            refused();
        }
    }

    /// @dev Mostly a key that may act, so that histories grow; now and then any.
    function pick(bytes32 id, uint8 which) private view returns (address) {
        for (uint256 i = 0; i < keys.length && which % 4 != 0; ++i) {
            address account = keys[(which + i) % keys.length];
            if (active(id, account)) return account;
        }
        return keys[which % keys.length];
    }

    function keyCount() external view returns (uint256) {
        return keys.length;
    }

    function active(bytes32 id, address account) private view returns (bool) {
        GhostKey storage ghost = key[id][account];
        return ghost.known && time() < ghost.until && ghost.since == 0;
    }

    function openWindowOf(bytes32 id) private view returns (bool, uint64) {
        for (uint64 i = 0; i < _windows[id].length; ++i) {
            if (_windows[id][i].from <= time() && time() < _windows[id][i].until) return (true, i);
        }
        return (false, 0);
    }

    /// @dev A call that took effect emitted exactly one logged event, with the next index and this block's time.
    function take() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (logs.length != 1) {
            ++violations;
            return;
        }
        bytes memory entry = abi.encodePacked(logs[0].topics, logs[0].data);
        uint256 index;
        uint256 when;
        assembly ("memory-safe") {
            index := mload(add(entry, mload(entry)))
            when := mload(add(entry, sub(mload(entry), 32)))
        }
        if (index != log.length || when != block.timestamp) ++violations;
        log.push(Rfc9162.leafHash(entry));
    }

    function refused() private {
        if (vm.getRecordedLogs().length != 0) ++violations;
    }
}

/// @notice The registry against the model, after every sequence of acts. Numbers are those of docs/spec/registry.md 6.
contract InvariantsTest is Fixture {
    Actors private actors;

    function setUp() public override {
        actors = new Actors();
        registry = actors.target();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    /// @dev One campaign for all, so that each history is held against every rule.
    function invariant_theRegistryIsTheModel() public view {
        anchorsAreTheModels();
        windowsAndKeysAreTheModels();
        statusesAreTheModels();
        theLogIsTheEvents();
        nothingBrokeARule();
    }

    /// @dev 1, 2, 4, 7, 13: anchors are gapless, written once, in order of time, inside their window and their key's span.
    function anchorsAreTheModels() private view {
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 issuer = actors.issuers(i);
            uint64 count = actors.anchorCount(issuer);
            eq(registry.lastSequence(issuer), count);
            eq(registry.anchorOf(issuer, count + 1).size, 0);
            eq(registry.anchorOf(issuer, 0).size, 0);
            uint64 last;
            for (uint64 sequence = 1; sequence <= count; ++sequence) {
                ICertificateRegistry.Anchor memory found = registry.anchorOf(issuer, sequence);
                Actors.GhostAnchor memory ghost = actors.ghostAnchor(issuer, sequence);
                eq(found.root, ghost.root);
                eq(found.size, ghost.size);
                eq(found.blockTime, ghost.time);
                eq(found.window, ghost.window);
                eq(found.key, ghost.key);
                require(found.root != 0 && found.size != 0 && found.blockTime >= last, "an anchor");
                ICertificateRegistry.Window memory window = registry.windowOf(issuer, found.window);
                require(window.from <= found.blockTime && found.blockTime < window.until, "outside its window");
                ICertificateRegistry.Key memory key = registry.keyOf(issuer, found.key);
                require(key.from <= found.blockTime && found.blockTime < key.until, "outside its key's span");
                require(registry.carriesWeight(issuer, sequence) == actors.weighs(issuer, sequence), "weight");
                last = found.blockTime;
            }
            eq(registry.lastNight(issuer), actors.night(issuer));
        }
    }

    /// @dev 5, 8, 9: windows and keys are the model's, which only an accreditor's calls change.
    function windowsAndKeysAreTheModels() private view {
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 issuer = actors.issuers(i);
            eq(registry.windowCount(issuer), actors.windowCount(issuer));
            uint64 end;
            for (uint64 place = 0; place < actors.windowCount(issuer); ++place) {
                ICertificateRegistry.Window memory found = registry.windowOf(issuer, place);
                Actors.GhostWindow memory ghost = actors.ghostWindow(issuer, place);
                eq(found.from, ghost.from);
                eq(found.until, ghost.until);
                require(found.from >= end, "windows overlap");
                end = found.until;
            }
            for (uint256 which = 0; which < actors.keyCount(); ++which) {
                address account = actors.keys(which);
                ICertificateRegistry.Key memory found = registry.keyOf(issuer, account);
                (bool known, uint64 from, uint64 until, uint64 since, uint8 purposes) = actors.key(issuer, account);
                require(known == (found.from != 0), "a key");
                eq(found.from, from);
                eq(found.until, until);
                eq(found.compromisedSince, since);
                eq(found.purposes, purposes);
            }
        }
    }

    /// @dev 6: what stands is the last record that weighs; a revocation that weighs never leaves.
    function statusesAreTheModels() private view {
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 issuer = actors.issuers(i);
            for (uint256 j = 0; j < 3; ++j) {
                bytes32 leaf = actors.leaves(j);
                ICertificateRegistry.StatusRecord memory found = registry.statusOf(issuer, leaf);
                Actors.GhostRecord memory ghost = actors.standing(issuer, leaf);
                eq(found.status, ghost.status);
                eq(found.writer, ghost.writer);
                eq(found.blockTime, ghost.time);
                require(found.byRegulator == ghost.byRegulator, "whose hand");
            }
        }
    }

    /// @dev 3 and 12: the log is exactly the events, in order, one for each call that took effect.
    function theLogIsTheEvents() private view {
        (uint64 size, bytes32 root) = registry.checkpoint();
        eq(size, actors.logLength());
        eq(root, tree(0, size));
    }

    /// @dev 10, 11, 14, 15: nothing that the rules refuse took effect, nothing that they allow was refused.
    function nothingBrokeARule() private view {
        eq(actors.violations(), 0);
        eq(registry.pausedUntil(), actors.pausedUntil());
        eq(registry.defaultAdmin(), actors.admin());
        eq(address(registry).balance, 0);
        eq(registry.anchorOf(OTHER, 1).size, 0);
        eq(registry.statusOf(OTHER, LEAF).blockTime, 0);
    }

    function tree(uint256 start, uint256 end) private view returns (bytes32) {
        if (end - start == 1) return actors.log(start);
        uint256 half = 1;
        while (half * 2 < end - start) half *= 2;
        return Rfc9162.nodeHash(tree(start, start + half), tree(start + half, end));
    }
}
