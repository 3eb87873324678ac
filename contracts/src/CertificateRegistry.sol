// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Statuses} from "./Statuses.sol";

/// @title The registry of accredited issuers, anchored batches and certificate statuses
/// @notice No proxy, no upgrade, no ether, no call to another contract but ERC-1271's. Times are block times in seconds.
/// The deployer gets nothing by deploying.
contract CertificateRegistry is Statuses {
    constructor(uint48 adminDelay, address admin)
        AccessControlDefaultAdminRules(adminDelay, admin)
        EIP712("Jangkar", "1")
    {}
}
